/** Value that belongs to a call and to the promise callbacks that the call starts. */

export interface AsyncContext<A> {
  /** Calls the function with the value as the current one. */
  readonly run: (value: A, run: () => void) => void
  readonly current: () => A | undefined
}

interface AsyncHooks {
  readonly AsyncLocalStorage: new <A>() => {
    readonly run: (value: A, run: () => void) => void
    readonly getStore: () => A | undefined
  }
}

/** Makes a context. On a platform without `node:async_hooks`, there is never a current value. */
export const asyncContext = <A>(): AsyncContext<A> => {
  const { process } = globalThis as {
    readonly process?: { readonly getBuiltinModule?: (name: string) => AsyncHooks }
  }
  const hooks = process?.getBuiltinModule?.("node:async_hooks")
  if (hooks === undefined) return { run: (_, run) => run(), current: () => undefined }
  const storage = new hooks.AsyncLocalStorage<A>()
  return { run: (value, run) => storage.run(value, run), current: () => storage.getStore() }
}
