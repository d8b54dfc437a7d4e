/** ws with one WebSocket, binary and without compression. */
import { once } from "node:events"
import type { AddressInfo } from "node:net"
import { type RawData, WebSocket, WebSocketServer } from "ws"
import { countOf, type Driver, host, type Setup, type Take, turn, windowBytes } from "./Driver.ts"

/** Number of consecutive sends to each peer before the sender yields. */
const turnRounds = 256

/** Returns a message as one buffer. ws delivers it in pieces only with another `binaryType`. */
const whole = (data: RawData): Buffer => {
  if (Buffer.isBuffer(data)) return data
  throw new Error("ws delivered a message in pieces")
}

const take = (socket: WebSocket, each: Take): void => void socket.on("message", (data) => each(whole(data)))

export const make = ({ size }: Setup): Driver => {
  const serve = async (accept: (socket: WebSocket) => void): Promise<string> => {
    const server = new WebSocketServer({ host, port: 0, perMessageDeflate: false })
    server.on("connection", accept)
    await once(server, "listening")
    // The address of a TCP server is never a string.
    return `ws://${host}:${(server.address() as AddressInfo).port}`
  }

  const open = async (address: string): Promise<WebSocket> => {
    const socket = new WebSocket(address, { perMessageDeflate: false })
    await once(socket, "open")
    return socket
  }

  /** Waits until a message has been written. ws offers no other back-pressure. */
  const written = (socket: WebSocket, payload: Uint8Array): Promise<void> =>
    new Promise((resolve, reject) => {
      socket.send(payload, (error) => (error instanceof Error ? reject(error) : resolve()))
    })

  const pump = async (sockets: ReadonlyArray<WebSocket>, payload: Uint8Array, more: () => boolean): Promise<void> => {
    for (let rounds = 1; more(); rounds++) {
      const full = sockets.filter((socket) => {
        if (socket.bufferedAmount >= windowBytes) return true
        socket.send(payload)
        return false
      })
      if (full.length > 0) await Promise.all(full.map((socket) => written(socket, payload)))
      else if (rounds % turnRounds === 0) await turn()
    }
  }

  return {
    receive: async (each) => ({ address: await serve((socket) => take(socket, each)) }),
    echo: () => serve((socket) => void socket.on("message", (data) => socket.send(whole(data)))),
    connect: async (address) => {
      const socket = await open(address)
      return {
        pump: (payload, more) => pump([socket], payload, more),
        flood: async (payload, more) => {
          const count = countOf(windowBytes, size)
          while (more()) {
            for (let i = 0; i < count; i++) socket.send(payload)
            await turn()
          }
        },
        ping: (payload, again) =>
          new Promise((resolve) => {
            take(socket, () => {
              if (again()) socket.send(payload)
              else resolve()
            })
            socket.send(payload)
          }),
      }
    },
    hub: async () => {
      const sockets: Array<WebSocket> = []
      const address = await serve((socket) => void sockets.push(socket))
      return { address, pump: (payload, more) => pump(sockets, payload, more) }
    },
    join: async (hub, takes) => {
      for (const each of takes) take(await open(hub), each)
    },
  }
}
