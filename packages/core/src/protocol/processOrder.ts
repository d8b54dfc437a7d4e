/**
 * The order of the processes that have one name (docs/protocol.md, section "Identity"): the greater generation is newer, and of
 * one generation the greater instance.
 */
export interface Process {
  readonly generation: number
  /** Number that tells two processes of one generation apart. */
  readonly instance: number
}

/** Compares two processes of one name. Returns more than 0 if the first is newer, and 0 if they are the same. */
export const compareProcesses = (a: Process, b: Process): number =>
  a.generation - b.generation || a.instance - b.instance
