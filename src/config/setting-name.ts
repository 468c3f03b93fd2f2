/** What begins like this is meant for this program alone: any case, and with the dash that some hosts allow. */
export const OWN_NAME = /^AIFI[_-]/i
