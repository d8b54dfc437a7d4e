/** Stacks of errors: disabled where they cost too much, and read to find the origin of a call. */

/** Frame of a stack. */
interface Frame {
  readonly getFileName: () => string | null | undefined
  readonly toString: () => string
}

/** Constructor of errors of V8, which reads the number of frames to keep and the function that formats them. */
const errors = Error as {
  stackTraceLimit?: number | undefined
  prepareStackTrace?: unknown
  readonly captureStackTrace?: (holder: object, below: () => unknown) => void
}

/**
 * Returns at most `count` frames, from the caller of the function `below`. Returns the frames themselves, because
 * formatting them as text takes several times as long. Returns no frames on a platform that only has text.
 */
const framesBelow = (below: () => unknown, count: number): ReadonlyArray<Frame> => {
  const { prepareStackTrace, stackTraceLimit } = errors
  const holder: { readonly stack?: unknown } = {}
  errors.stackTraceLimit = count
  errors.prepareStackTrace = (_: unknown, frames: unknown) => frames
  try {
    errors.captureStackTrace?.(holder, below)
    // V8 calls the function above when the stack is read.
    const { stack } = holder
    return Array.isArray(stack) ? stack : []
  } finally {
    errors.stackTraceLimit = stackTraceLimit
    errors.prepareStackTrace = prepareStackTrace
  }
}

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

/** Frames of the testkit, of Effect or of Node, whose own use of the replaced globals is allowed. */
const ours =
  /[/\\](testkit[/\\](src|dist)|node_modules[/\\](\.pnpm[/\\][^/\\]+[/\\]node_modules[/\\])?effect)[/\\]|node:/

/** `Hash` module of Effect. */
const hashModule = /[/\\]effect[/\\](src|dist)[/\\]Hash\.[jt]s$/

/** Kind of the code that calls a function: the hash of Effect, other code whose use is allowed, or a program. */
export type Caller = "hash" | "allowed" | "program"

/**
 * Returns the kind of the code that called the function `below`, which must be running.
 *
 * It is `hash` while Effect computes the hash of a function, or of another object without a hash of its own. Effect
 * keeps such a hash as long as the object lives, which may be longer than a run, and the hash determines the order of a
 * HashMap. The hash must not depend on the first run that computes it. So all such objects get the same hash, and a
 * HashMap keeps them in the order in which they were added.
 */
export const callerOf = (below: () => unknown): Caller => {
  const file = framesBelow(below, 1)[0]?.getFileName() ?? ""
  return hashModule.test(file) ? "hash" : ours.test(file) ? "allowed" : "program"
}

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
  const caller = framesBelow(callSite, callerFrames).find((frame) => !replacement.test(frame.getFileName() ?? ""))
  return caller === undefined || ours.test(caller.getFileName() ?? "") ? undefined : `at ${caller.toString()}`
}
