/** Returns the code of an error of Node, such as `ECONNREFUSED`, or `undefined` if the value has none. */
export const errorCode = (cause: unknown): string | undefined =>
  cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : undefined
