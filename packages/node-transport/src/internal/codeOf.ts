/** The code by which Node tells its errors apart, such as `ECONNREFUSED`. */
export const codeOf = (cause: unknown): string | undefined =>
  cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : undefined
