/** Stacks of errors: switched off where they cost too much, and read to find out where a call came from. */

/** V8 reads the number of frames to keep from here. */
const errors = Error as { stackTraceLimit?: number | undefined }

/** Runs the function without stacks, which cost more than most errors are worth. */
export const withoutStacks = <A>(run: () => A): A => {
  const before = errors.stackTraceLimit
  errors.stackTraceLimit = 0
  try {
    return run()
  } finally {
    errors.stackTraceLimit = before
  }
}

/**
 * Returns `true` while Effect computes the hash of a function, or of another object without a hash of its own. Effect keeps
 * that hash for as long as the object lives, which may be longer than a run, and the order of a HashMap follows from the
 * hash. So the hash must not depend on the run that happened to be the first: all such objects get the same one, and stay
 * in the order in which they were added. The caller of the caller of this function must be Effect's `Hash`.
 */
export const isHashing = (): boolean => {
  const before = errors.stackTraceLimit
  errors.stackTraceLimit = 4
  const { stack = "" } = new Error("for its stack")
  errors.stackTraceLimit = before
  return /[/\\]effect[/\\](src|dist)[/\\]Hash\.[jt]s/.test(stack)
}

/** A frame of the testkit or of Effect, which use what is replaced in ways of their own. */
const ours =
  /[/\\](testkit[/\\](src|dist)|node_modules[/\\](\.pnpm[/\\][^/\\]+[/\\]node_modules[/\\])?effect)[/\\]|node:/

/** A frame of the replacements themselves, and of the run that they report to. */
const replacement =
  /[/\\]testkit[/\\](src|dist)[/\\](kernel[/\\](Globals|replacements|stacks|TimerHandle)|run[/\\]Run)\./

/** Returns the frame of the program that called a replacement; `undefined` if Effect itself called it. */
export const callSite = (): string | undefined => {
  const before = errors.stackTraceLimit
  errors.stackTraceLimit = 30
  const { stack = "" } = new Error("for its stack")
  errors.stackTraceLimit = before
  const lines = stack
    .split("\n")
    .slice(1)
    .map((line) => line.trim())
  const caller = lines.find((line) => !replacement.test(line))
  return caller === undefined || ours.test(caller) ? undefined : caller
}
