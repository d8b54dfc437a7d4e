/** Exit codes of the command. */
export const exits = {
  /** The command succeeded; the answer is yes. */
  yes: 0,
  /** The answer is no: the cluster is not whole, a probe is refused, or the time of `wait` is over. */
  no: 1,
  /** The command line or a file is invalid. */
  misuse: 2,
  /** Nothing answers, or the response is not that of an admin service. */
  noAnswer: 3,
  /** The admin service refused the request, for example because of the token or an unknown name. */
  refused: 4,
  /** A signal ended the command. Shells use the same number. */
  interrupted: 130,
} as const

export type ExitCode = (typeof exits)[keyof typeof exits]
