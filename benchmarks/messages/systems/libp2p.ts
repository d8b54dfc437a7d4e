/** js-libp2p with TCP, noise, yamux, and one stream of length-prefixed messages. */
import { noise } from "@libp2p/noise"
import { tcp } from "@libp2p/tcp"
import { lpStream, UnexpectedEOFError } from "@libp2p/utils"
import { yamux } from "@libp2p/yamux"
import { multiaddr } from "@multiformats/multiaddr"
import { createLibp2p } from "libp2p"
import { countOf, type Driver, host, type Setup, type Take } from "./Driver.ts"

const protocol = "/bench/1.0.0"

/** Number of bytes of one write in the mode `batch`. */
const batchBytes = 64 * 1024

export const make = ({ mode, size }: Setup): Driver => {
  const node = () =>
    createLibp2p({
      addresses: { listen: [`/ip4/${host}/tcp/0`] },
      transports: [tcp()],
      connectionEncrypters: [noise()],
      streamMuxers: [yamux()],
    })

  type Stream = ReturnType<typeof lpStream>

  const listen = async (handler: (stream: Stream) => Promise<void>): Promise<string> => {
    const libp2p = await node()
    await libp2p.handle(protocol, (stream) => void handler(lpStream(stream)))
    return String(libp2p.getMultiaddrs()[0])
  }

  const take = async (stream: Stream, each: Take): Promise<void> => {
    try {
      // `read` returns a list of pieces. `subarray` joins them into one message.
      for (;;) each((await stream.read()).subarray())
    } catch (error) {
      // The sender has ended, as at the end of every measurement.
      if (!(error instanceof UnexpectedEOFError)) throw error
    }
  }

  return {
    receive: async (each) => ({ address: await listen((stream) => take(stream, each)) }),
    echo: () =>
      listen(async (stream) => {
        for (;;) await stream.write(await stream.read())
      }),
    connect: async (address) => {
      const libp2p = await node()
      const stream = lpStream(await libp2p.dialProtocol(multiaddr(address), protocol))
      const count = countOf(batchBytes, size)
      return {
        pump: async (payload, more) => {
          const batch = Array.from({ length: count }, () => payload)
          while (more()) await (mode === "batch" ? stream.writeV(batch) : stream.write(payload))
        },
        ping: async (payload, again) => {
          do {
            await stream.write(payload)
            await stream.read()
          } while (again())
        },
      }
    },
  }
}
