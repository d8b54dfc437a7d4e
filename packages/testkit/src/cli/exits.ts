/** The exit codes of the command. */
export const exits = {
  /** It did what it was asked for, and nothing fails. */
  fine: 0,
  /** Something fails; of a replay: as recorded. */
  failures: 1,
  /** It was asked for something that cannot be. */
  misuse: 2,
  /** It cannot be told: a replay fails otherwise than recorded or is not deterministic, or a thread died. */
  unclear: 3,
  /** A signal ended it before anything failed, as shells count. */
  interrupted: 130,
} as const
