/**
 * Order of the processes of one name (docs/protocol.md, section "Identity"). A process with a greater generation is
 * newer. Within one generation, a process with a greater instance is newer.
 */
export interface Process {
  readonly generation: number
  /** Number that distinguishes two processes of one generation. */
  readonly instance: number
}

/**
 * Compares two processes of one name. Returns more than 0 if the first process is newer, and 0 if they are the same.
 */
export const compareProcesses = (a: Process, b: Process): number =>
  a.generation - b.generation || a.instance - b.instance
