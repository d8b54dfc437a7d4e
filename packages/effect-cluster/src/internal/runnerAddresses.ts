/** Addresses of runners as texts, and the names of peers in them. */
import * as RunnerAddress from "effect/cluster/RunnerAddress"

/**
 * Maximum length of the encoded name of a peer. The SQL storages of Effect keep `HOST:PORT` in 255 characters, and the
 * port is a generation, which has at most 16 digits.
 */
export const maxEncodedName = 230

/**
 * Encodes the name of a peer as the host of an address. All characters except `A-Z`, `a-z`, `0-9`, `.`, `_` and `-` are
 * percent-encoded, because the SQL storages put an address between quotes without escaping it.
 */
export const encodeName = (name: string): string =>
  encodeURIComponent(name).replace(/[!'()*~]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)

/** Returns the name that {@link encodeName} encoded, or `undefined` for any other text. */
export const decodeName = (host: string): string | undefined => {
  try {
    const name = decodeURIComponent(host)
    return encodeName(name) === host ? name : undefined
  } catch {
    // The host is not percent-encoded correctly.
    return undefined
  }
}

/** Returns the text that identifies an address, as the storages of Effect write it. */
export const textOf = ({ host, port }: { readonly host: string; readonly port: number }): string => `${host}:${port}`

/** Parses `HOST:PORT`. Returns `undefined` for any other text. */
export const parse = (text: string | undefined): RunnerAddress.RunnerAddress | undefined => {
  const [, host, port] = /^(.+):(\d{1,5})$/.exec(text ?? "") ?? []
  return host === undefined || Number(port) > 0xffff ? undefined : RunnerAddress.make(host, Number(port))
}
