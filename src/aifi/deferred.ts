import type { Aifi } from './port.ts'

/**
 * A client that is loaded when it is first needed: it brings undici, which starting and listing tools do without.
 *
 * @param address what {@link Aifi.address} of the loaded client will be.
 */
export function deferredAifi(address: string, load: () => Promise<Aifi>): Aifi & { warm(): Promise<unknown> } {
  let loading: Promise<Aifi> | undefined
  const loaded = () => {
    loading ??= load().catch((error) => {
      // The next call may have better luck.
      loading = undefined
      throw error
    })
    return loading
  }
  return {
    address,
    readCustomer: async (...args) => (await loaded()).readCustomer(...args),
    listCustomers: async (...args) => (await loaded()).listCustomers(...args),
    updateCustomer: async (...args) => (await loaded()).updateCustomer(...args),
    /** Loads it ahead of the first need. */
    warm: loaded,
    close: async () => (await loading)?.close(),
  }
}
