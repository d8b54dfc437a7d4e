/** Answers of a child process to the calls of its parent. */

/** Constraint of an interface of calls: each member is a function that returns a promise. */
export type Calls<C> = { readonly [Name in keyof C]: (...args: never) => Promise<unknown> }

export interface Request {
  readonly name: string
  readonly args: ReadonlyArray<unknown>
}

export type Answer = { readonly value: unknown } | { readonly error: string }

/** Executes the calls of the parent one after the other. The process ends with its parent. */
export const serve = <C extends Calls<C>>(calls: C): void => {
  const byName = new Map<string, (...args: never) => Promise<unknown>>(Object.entries(calls))
  const answer = (value: Answer): void => void process.send?.(value)
  process.on("message", (message) => {
    // Process.ts sends these messages and checks names and arguments against the same interface.
    const { args, name } = message as Request
    run(byName.get(name), args).then(
      (value) => answer({ value }),
      (error: unknown) => answer({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
    )
  })
  process.on("disconnect", () => process.exit())
}

const run = async (call: ((...args: never) => Promise<unknown>) | undefined, args: ReadonlyArray<unknown>) => {
  if (call === undefined) throw new Error("the process has no such call")
  return Reflect.apply(call, undefined, args)
}
