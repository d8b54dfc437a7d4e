/** Errors of an operating system, in the form in which Node reports them. */

/** Codes and numbers of the errors that the simulation reports, as on Linux. Resolver errors have numbers of libuv. */
const numbers = {
  ENOENT: -2,
  EBADF: -9,
  EACCES: -13,
  EEXIST: -17,
  ENOTDIR: -20,
  EISDIR: -21,
  EINVAL: -22,
  ENOSPC: -28,
  EPIPE: -32,
  ENOTEMPTY: -39,
  EADDRINUSE: -98,
  EADDRNOTAVAIL: -99,
  ECONNRESET: -104,
  ETIMEDOUT: -110,
  ECONNREFUSED: -111,
  EHOSTUNREACH: -113,
  ENOTFOUND: -3008,
  // Code of Node's own check, whose number is not negative.
  ERR_FS_EISDIR: 21,
} as const

export type Code = keyof typeof numbers

/** Error of a system call. */
export interface SystemError extends Error {
  readonly code: Code
  readonly errno: number
  readonly syscall: string
  readonly address?: string
  readonly port?: number
  readonly hostname?: string
}

interface Place {
  readonly address?: string
  readonly port?: number
  readonly hostname?: string
}

/** Makes the error of a system call. `text` is the end of the message, such as an address. */
export const systemError = (code: Code, syscall: string, text = "", place: Place = {}): SystemError =>
  Object.assign(new Error(`${syscall} ${code}${text === "" ? "" : ` ${text}`}`), {
    code,
    errno: numbers[code],
    syscall,
    ...place,
  })
