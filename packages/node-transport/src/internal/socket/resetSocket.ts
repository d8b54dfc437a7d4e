/** Resets of sockets, which free all that a connection holds at once. */
import type * as Net from "node:net"

/** Resets a connection, with the error that its reader gets. A TLS socket cannot do it: its `resetAndDestroy` throws. */
export const resetSocket = (socket: Net.Socket, raw: Net.Socket, cause?: Error): void => {
  if (isShuttingDown(socket)) raw.destroy()
  else resetRaw(raw)
  socket.destroy(cause)
}

/** Resets a socket of TCP below which is no other one. */
export const resetRaw = (raw: Net.Socket): void => {
  if (isShuttingDown(raw)) raw.destroy()
  else raw.resetAndDestroy()
}

/**
 * Tests whether the system shuts the socket down. Node never frees a socket that is reset meanwhile: the reset fails, and the process
 * cannot end. By then the system has all written bytes, so that a plain destroy loses none.
 */
const isShuttingDown = (socket: Net.Socket): boolean =>
  socket.writableEnded && !socket.writableFinished && socket.writableLength === 0
