/** Bare sockets of Node with a heartbeat. One timer writes the heartbeats of all sockets. */
import { once } from "node:events"
import * as Net from "node:net"
import { heartbeatMillis, host, type System } from "./System.ts"

/** Size of a Ping or a Pong. */
const heartbeat = Buffer.alloc(19)

const ignore = () => {}

export const system: System = {
  listen: async () => {
    const sockets = new Set<Net.Socket>()
    const server = Net.createServer({ noDelay: true }, (socket) => {
      sockets.add(socket)
      socket.on("error", ignore)
      socket.on("data", ignore)
      socket.on("close", () => sockets.delete(socket))
    }).listen(0, host)
    await once(server, "listening")
    setInterval(() => {
      for (const socket of sockets) socket.write(heartbeat)
    }, heartbeatMillis)
    const address = server.address()
    return { port: typeof address === "object" && address !== null ? address.port : 0, links: () => sockets.size }
  },
  connect: async (port) => {
    const socket = Net.connect({ host, port, noDelay: true })
    socket.on("error", ignore)
    socket.on("data", () => socket.write(heartbeat))
    await once(socket, "connect")
    return () => socket.end()
  },
}
