/** Stacks of errors: disabled where they cost too much, and read to find the origin of a call. */

/** Constructor of errors, from which V8 reads the number of frames to keep. */
const errors = Error as { stackTraceLimit?: number | undefined }

/** Runs the function without stacks, which take a large part of the time of a run. */
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
 * Returns `true` while Effect computes the hash of a function, or of another object without a hash of its own. The
 * caller of the caller of this function must be the `Hash` module of Effect.
 *
 * Effect keeps such a hash as long as the object lives, which may be longer than a run, and the hash determines the
 * order of a HashMap. The hash must not depend on the first run that computes it. So all such objects get the same
 * hash, and a HashMap keeps them in the order in which they were added.
 */
export const isHashing = (): boolean => {
  const before = errors.stackTraceLimit
  errors.stackTraceLimit = 4
  const { stack = "" } = new Error("for its stack")
  errors.stackTraceLimit = before
  return /[/\\]effect[/\\](src|dist)[/\\]Hash\.[jt]s/.test(stack)
}

/** Frames of the testkit, of Effect or of Node, whose own use of the replaced globals is allowed. */
const ours =
  /[/\\](testkit[/\\](src|dist)|node_modules[/\\](\.pnpm[/\\][^/\\]+[/\\]node_modules[/\\])?effect)[/\\]|node:/

/** Frames of the replacements themselves, and of the run to which they report. */
const replacement =
  /[/\\]testkit[/\\](src|dist)[/\\](kernel[/\\](Globals|replacements|stacks|TimerHandle)|run[/\\]Run)\./

/**
 * Number of frames that contain the caller of a replacement: at most six frames of the replacements are above it. V8
 * takes time for each frame, and programs read the time in every step.
 */
const callerFrames = 10

/**
 * Returns the frame of the program that called a replacement, or `undefined` if the testkit, Effect or Node called it.
 */
export const callSite = (): string | undefined => {
  const before = errors.stackTraceLimit
  errors.stackTraceLimit = callerFrames
  const { stack = "" } = new Error("for its stack")
  errors.stackTraceLimit = before
  const lines = stack
    .split("\n")
    .slice(1)
    .map((line) => line.trim())
  const caller = lines.find((line) => !replacement.test(line))
  return caller === undefined || ours.test(caller) ? undefined : caller
}
