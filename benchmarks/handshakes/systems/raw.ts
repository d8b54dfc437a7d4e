/** Bare sockets of Node. */
import { once } from "node:events"
import type { AddressInfo, Socket } from "node:net"
import type { Sockets } from "../../harness/sockets.ts"
import type { Driver } from "./Driver.ts"

const ignore = () => {}

export const make = ({ connect, listen }: Sockets): Driver => {
  const dial = async (address: string): Promise<Socket> => {
    const socket = await connect(Number(address))
    // The acceptor may already have closed the connection when a closed dialer ends it.
    socket.on("error", ignore)
    await once(socket, "data")
    return socket
  }
  return {
    listen: async () => {
      const server = listen((socket) => {
        socket.on("error", ignore)
        socket.resume()
        socket.write(".")
      })
      await once(server, "listening")
      // The address of a TCP server is never a string.
      return String((server.address() as AddressInfo).port)
    },
    cycle: async (address, dials, more) => {
      let complete = 0
      const dialer = async () => {
        while (more()) {
          const socket = await dial(address)
          complete++
          socket.end()
        }
      }
      await Promise.all(Array.from({ length: dials }, dialer))
      return complete
    },
    hold: async (address, count) => {
      for (let i = 0; i < count; i++) await dial(address)
    },
  }
}
