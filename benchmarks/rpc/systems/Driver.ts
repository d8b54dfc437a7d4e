/** Interface that a system implements to be measured. */

/** Text of a request, and of its response: 100 bytes. Text is what all systems encode fast. */
export const text = "x".repeat(100)

/** Client with one connection to the server. */
export interface Client {
  /**
   * Keeps a number of calls in flight. Each caller makes its next call when the response to the last has arrived and
   * `again(response)` returned `true`. Resolves when all callers have ended. Fails if a call fails.
   */
  readonly run: (atOnce: number, again: (response: string) => boolean) => Promise<void>
}

/** Service with one unary method, which returns its request. */
export interface Driver {
  /** Serves the method. Returns the address. */
  readonly serve: () => Promise<string>
  readonly connect: (address: string) => Promise<Client>
}

/** Returns the host and the port of an address. */
export const parse = (address: string): { readonly host: string; readonly port: number } => {
  const [host = "", port] = address.split(":")
  return { host, port: Number(port) }
}

/** Makes a client of a function that returns a promise. */
export const promiseClient = (call: (text: string) => Promise<string>): Client => ({
  run: async (atOnce, again) => {
    const caller = async () => {
      while (again(await call(text))) continue
    }
    await Promise.all(Array.from({ length: atOnce }, caller))
  },
})
