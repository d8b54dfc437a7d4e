/** Sockets with minimal framing, to which libraries over sockets are compared. */
import { once } from "node:events"
import type { AddressInfo, Socket } from "node:net"
import type { Sockets } from "../../harness/sockets.ts"
import { countOf, type Driver, type Sender, type Setup, type Take, turn } from "./Driver.ts"
import { encode, headBytes, splitter } from "./framing.ts"

/** Number of bytes of one write in the mode `batch`, but at least one message. */
const batchBytes = 64 * 1024

/** Number of consecutive writes before the sender yields. A sender that is slower than its receiver never waits. */
const turnWrites = 256

/** Size from which a message is written separately from its head, instead of copied behind it. */
const uncopied = 16 * 1024

/** Function that writes the next messages to all sockets. Returns the sockets that must drain first. */
type Write = (sockets: ReadonlyArray<Socket>, payload: Uint8Array) => ReadonlyArray<Socket>

const writeAll = (sockets: ReadonlyArray<Socket>, bytes: Uint8Array): ReadonlyArray<Socket> =>
  sockets.filter((socket) => !socket.write(bytes))

/** Writes a large message and its head in one system call. */
const writeLarge: Write = (sockets, payload) =>
  sockets.filter((socket) => {
    const head = Buffer.allocUnsafeSlow(headBytes)
    head.writeUInt32BE(payload.length)
    socket.cork()
    socket.write(head)
    const takes = socket.write(payload)
    socket.uncork()
    return !takes
  })

const writerOf = ({ mode, size }: Setup): Write => {
  if (size >= uncopied) return writeLarge
  const count = mode === "batch" ? countOf(batchBytes, size + headBytes) : 1
  return (sockets, payload) => writeAll(sockets, encode(payload, count))
}

const pump = async (
  sockets: ReadonlyArray<Socket>,
  write: Write,
  payload: Uint8Array,
  more: () => boolean,
): Promise<void> => {
  for (let writes = 1; more(); writes++) {
    const full = write(sockets, payload)
    if (full.length > 0) await Promise.all(full.map((socket) => once(socket, "drain")))
    else if (writes % turnWrites === 0) await turn()
  }
}

export const make = (setup: Setup, { connect, listen }: Sockets): Driver => {
  const write = writerOf(setup)

  const serve = async (accept: (socket: Socket) => void): Promise<string> => {
    const server = listen(accept)
    await once(server, "listening")
    // The address of a TCP server is never a string.
    return String((server.address() as AddressInfo).port)
  }

  const take = (socket: Socket, each: Take): void => void socket.on("data", splitter(each))

  return {
    receive: async (each) => ({ address: await serve((socket) => take(socket, each)) }),
    echo: () => serve((socket) => void socket.on("data", (chunk) => socket.write(chunk))),
    connect: async (address): Promise<Sender> => {
      const socket = await connect(Number(address))
      return {
        pump: (payload, more) => pump([socket], write, payload, more),
        ping: (payload, again) =>
          new Promise((resolve) => {
            take(socket, () => {
              if (again()) socket.write(encode(payload, 1))
              else resolve()
            })
            socket.write(encode(payload, 1))
          }),
      }
    },
    hub: async () => {
      const sockets: Array<Socket> = []
      const address = await serve((socket) => void sockets.push(socket))
      return { address, pump: (payload, more) => pump(sockets, write, payload, more) }
    },
    join: async (hub, takes) => {
      for (const each of takes) take(await connect(Number(hub)), each)
    },
  }
}
