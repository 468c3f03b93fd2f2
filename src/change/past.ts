/** What was done through this server before, as far as a person who is asked now has to know. */
export interface Past {
  /** The customer got another name lately; the name itself is not kept. `at` is wall clock, milliseconds since 1970. */
  readonly renamed?: { readonly at: number; readonly byPerson: boolean }
  /** The very same change was made then, and one of its fields was changed again since. */
  readonly made?: { readonly at: number }
  /** The question about this change came back from a form without a yes a moment ago. */
  readonly notApproved?: true
}
