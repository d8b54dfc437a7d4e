/** zeromq with PUSH and PULL, PUB and SUB, DEALER and ROUTER. Its network runs in a separate native thread. */
import { Dealer, Publisher, Pull, Push, type Socket, Router, Subscriber } from "zeromq"
import { countOf, type Driver, host, type Sender, type Setup, turn } from "./Driver.ts"

/** Returns the high water mark. The default of a thousand large messages is far more than other systems buffer. */
const highWaterMark = (size: number): number => Math.min(1_000, Math.max(16, countOf(16 * 1024 * 1024, size)))

/** Number of consecutive sends before the sender yields. A send that does not wait is only a microtask. */
const turnMessages = 256

/** Reports whether a subscriber had no room. A publisher that does not drop fails then, where other sockets wait. */
const isFull = (error: unknown): boolean => error instanceof Error && "code" in error && error.code === "EAGAIN"

export const make = ({ size }: Setup): Driver => {
  const mark = highWaterMark(size)
  const sending = { sendHighWaterMark: mark }
  const receiving = { receiveHighWaterMark: mark }

  const bind = async (socket: Socket): Promise<string> => {
    await socket.bind(`tcp://${host}:*`)
    return socket.lastEndpoint ?? ""
  }

  const pump =
    (socket: Push | Publisher): Sender["pump"] =>
    async (payload, more) => {
      for (let messages = 1; more(); messages++) {
        try {
          await socket.send(payload)
        } catch (error) {
          if (!isFull(error)) throw error
          await turn()
        }
        if (messages % turnMessages === 0) await turn()
      }
    }

  const take = async (socket: Pull | Subscriber, each: (message: Buffer) => void): Promise<void> => {
    for await (const [message] of socket) if (message !== undefined) each(message)
  }

  return {
    receive: async (each) => {
      const socket = new Pull(receiving)
      const address = await bind(socket)
      void take(socket, each)
      return { address }
    },
    echo: async () => {
      const socket = new Router()
      const address = await bind(socket)
      const reply = async () => {
        for await (const parts of socket) await socket.send(parts)
      }
      void reply()
      return address
    },
    connect: async (address) => {
      const push = new Push(sending)
      return {
        pump: (payload, more) => {
          push.connect(address)
          return pump(push)(payload, more)
        },
        ping: async (payload, again) => {
          const dealer = new Dealer()
          dealer.connect(address)
          do {
            await dealer.send(payload)
            await dealer.receive()
          } while (again())
        },
      }
    },
    hub: async () => {
      // By default a publisher drops messages for slow subscribers, which no other system does.
      const socket = new Publisher({ ...sending, noDrop: true })
      return { address: await bind(socket), pump: pump(socket) }
    },
    join: async (hub, takes) => {
      for (const each of takes) {
        const socket = new Subscriber(receiving)
        socket.connect(hub)
        socket.subscribe()
        void take(socket, each)
      }
    },
  }
}
