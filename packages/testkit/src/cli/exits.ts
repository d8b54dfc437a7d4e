/** Exit codes of the command. */
export const exits = {
  /** The command succeeded, and no scenario failed. */
  fine: 0,
  /** A scenario failed, or a replay failed as recorded. */
  failures: 1,
  /** The command line or a file is invalid. */
  misuse: 2,
  /** The result is unclear: a replay failed differently or is not deterministic, or a thread ended. */
  unclear: 3,
  /** A signal ended the command before a failure. Shells use the same number. */
  interrupted: 130,
} as const
