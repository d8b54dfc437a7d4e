/** Outgoing TCP connections. */
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Effect from "effect/Effect"
import * as Net from "node:net"
import { resetRaw } from "../socket/resetSocket.ts"

/** Remote end of a connection. */
export interface Target {
  /** IP literals of one peer. The connection is made to the first one that answers. */
  readonly hosts: NonEmptyReadonlyArray<string>
  readonly port: number
  /** Local port to dial from. By default the system picks one. */
  readonly localPort?: number | undefined
}

/**
 * Error of a socket that is connected to itself. A dial to an ephemeral port without a listener connects to itself if
 * the system picks the same port to dial from (TCP's simultaneous open). It has the code of a refusal, because there is
 * no listener.
 */
export class SelfConnection extends Error {
  readonly code = "ECONNREFUSED"

  constructor(port: number) {
    super(`the connection was made from port ${port} to itself`)
    this.name = "SelfConnection"
  }
}

/**
 * Starts to open a connection. Node tries the hosts one after the other, alternating between IPv4 and IPv6, and tries
 * the next one after a fraction of a second.
 */
export const openSocket = ({ hosts, localPort, port }: Target): Net.Socket =>
  Net.createConnection({
    port,
    noDelay: true,
    allowHalfOpen: true,
    ...(localPort === undefined ? {} : { localPort }),
    // The hosts are known, so the lookup answers with them.
    ...(hosts.length === 1 ? { host: hosts[0] } : { host: "peer.invalid", lookup: answer(hosts) }),
  })

/** Waits until the socket is connected. Resets a connection to itself before a byte is written. */
export const awaitConnected = (socket: Net.Socket): Effect.Effect<void, Error> =>
  Effect.callback((resume) => {
    const connected = () => resume(refuseSelf(socket))
    // The scheduler can delay a fiber between any two steps, so the event may have occurred already.
    if (socket.errored !== null) return resume(Effect.fail(socket.errored))
    if (!socket.connecting) return connected()
    socket.once("connect", connected)
    socket.once("error", (cause) => resume(Effect.fail(cause)))
  })

/**
 * Fails if the socket is connected to itself. Resets it, because a TIME-WAIT state would keep the port from a listener.
 */
const refuseSelf = (socket: Net.Socket): Effect.Effect<void, SelfConnection> => {
  const { localAddress, localPort, remoteAddress, remotePort } = socket
  if (localPort === undefined || localPort !== remotePort || localAddress !== remoteAddress) return Effect.void
  resetRaw(socket)
  return Effect.fail(new SelfConnection(localPort))
}

/** Returns a lookup that answers with the hosts. */
const answer = (hosts: NonEmptyReadonlyArray<string>): Net.LookupFunction => {
  const addresses = hosts.map((address) => ({ address, family: Net.isIP(address) }))
  return (_name, { all }, callback) => {
    if (all === true) callback(null, addresses)
    else callback(null, hosts[0], Net.isIP(hosts[0]))
  }
}
