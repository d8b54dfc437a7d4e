import type * as Net from "node:net"

/** Stops listening at once. A server that begins to listen does so in a later turn of the event loop. */
export const closeServer = (server: Net.Server): void => {
  if (server.listening) server.close()
  else server.once("listening", () => server.close())
}
