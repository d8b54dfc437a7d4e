/** Environment of a simulated program, for the tests of the replaced globals. */
import type { Source } from "../../src/kernel/replacements.ts"

/** Makes an environment in which time does not pass. */
export const still = (options: Partial<Source> = {}): Source => ({
  wallMillis: () => 1_000_000,
  monotonicNanos: () => 5_000_000_000n,
  random: () => 0.25,
  after: () => ({ cancel: () => undefined, setRef: () => undefined }),
  fiberId: () => 1,
  threw: () => undefined,
  used: () => undefined,
  ...options,
})
