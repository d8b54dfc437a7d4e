/** Place at which the server listens. */
import { defaultPort as nodePort } from "@coterie/core/Address"
import { OptionsError } from "@coterie/core/ClusterError"
import * as Effect from "effect/Effect"
import * as Net from "node:net"

/** Default port: the port after the default port of a node. */
export const defaultPort = nodePort + 1

const defaultHost = "127.0.0.1"

/** Longest path of a Unix socket in bytes on Linux, without the zero at its end. Node would cut a longer path silently. */
const maxSocketPath = 107

const maxPort = 65_535

export interface ListenOptions {
  readonly host?: string | undefined
  readonly port?: number | undefined
  readonly socket?: string | undefined
  readonly socketMode?: number | undefined
}

export type ListenAddress = {
  /** `true` if only this machine can reach the address. */
  readonly isLocal: boolean
  /** Description for messages. */
  readonly text: string
} & (
  | { readonly _tag: "Port"; readonly host: string; readonly port: number }
  | { readonly _tag: "Socket"; readonly path: string; readonly mode: number | undefined }
)

/** Tests whether a host is the loopback. A name other than `localhost` may resolve to any address. */
export const isLoopback = (host: string): boolean => {
  if (host === "localhost") return true
  if (Net.isIPv4(host)) return host.startsWith("127.")
  return host === "::1" || host === "0:0:0:0:0:0:0:1"
}

/** Mode of the file of a Unix socket to which only the owner of the process may connect. The socket may need no token. */
const ownerOnly = 0o600

const fail = (option: string, problem: string) => Effect.fail(new OptionsError({ option, problem }))

/** Returns the place of the options. Fails with `OptionsError` if they contradict each other. */
export const listenAddress = ({
  host,
  port,
  socket,
  socketMode,
}: ListenOptions): Effect.Effect<ListenAddress, OptionsError> => {
  if (socket !== undefined) {
    if (host !== undefined || port !== undefined) return fail("socket", "cannot be used together with host or port")
    if (Buffer.byteLength(socket) > maxSocketPath) {
      return fail("socket", `the path of a Unix socket has at most ${maxSocketPath} bytes`)
    }
    if (socket === "") return fail("socket", "must not be empty")
    return Effect.succeed({
      _tag: "Socket",
      path: socket,
      mode: socketMode ?? ownerOnly,
      isLocal: true,
      text: `unix:${socket}`,
    })
  }
  if (socketMode !== undefined) return fail("socketMode", "needs the option socket")
  const at = { host: host ?? defaultHost, port: port ?? defaultPort }
  if (!(Number.isSafeInteger(at.port) && at.port >= 0 && at.port <= maxPort)) {
    return fail("port", `must be from 0 to ${maxPort}`)
  }
  if (at.host === "") return fail("host", "must not be empty")
  return Effect.succeed({ _tag: "Port", ...at, isLocal: isLoopback(at.host), text: urlOf(at.host, at.port, false) })
}

/** Returns the address as a URL. */
export const urlOf = (host: string, port: number, isEncrypted: boolean): string => {
  const authority = host.includes(":") ? `[${host}]` : host
  return `${isEncrypted ? "https" : "http"}://${authority}:${port}`
}
