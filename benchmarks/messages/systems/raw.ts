/** Bare TCP, which is the limit. */
import { once } from "node:events"
import * as Net from "node:net"
import { type Driver, host, type Setup } from "./Driver.ts"
import * as Sockets from "./sockets.ts"

export const make = (setup: Setup): Driver =>
  Sockets.make(setup, {
    listen: (accept) => Net.createServer({ noDelay: true }, accept).listen(0, host),
    connect: async (port) => {
      const socket = Net.connect({ host, port, noDelay: true })
      await once(socket, "connect")
      return socket
    },
  })
