/** NATS with two clients of one nats-server, which is a separate process between them. */
import { connect, type NatsConnection } from "@nats-io/transport-node"
import { countOf, type Driver, host, type Setup, turn, windowBytes } from "./Driver.ts"

const subject = "bench"

export const make = ({ natsPort, size }: Setup): Driver => {
  const open = async (): Promise<NatsConnection> => {
    if (natsPort === undefined) throw new Error("nats needs a nats-server")
    return connect({ servers: `${host}:${natsPort}` })
  }
  const count = countOf(windowBytes, size)

  return {
    receive: async (take) => {
      const connection = await open()
      connection.subscribe(subject, {
        callback: (error, message) => {
          if (error !== null) throw error
          take(message.data)
        },
      })
      // After the flush the server has the subscription.
      await connection.flush()
      return { address: subject }
    },
    echo: async () => {
      const connection = await open()
      connection.subscribe(subject, {
        callback: (error, message) => {
          if (error !== null) throw error
          message.respond(message.data)
        },
      })
      await connection.flush()
      return subject
    },
    connect: async (address) => {
      const connection = await open()
      return {
        pump: async (payload, more) => {
          let flushed: Promise<void> = Promise.resolve()
          while (more()) {
            for (let i = 0; i < count; i++) connection.publish(address, payload)
            // One window is in transit while the next is written.
            const before = flushed
            flushed = connection.flush()
            await before
          }
        },
        flood: async (payload, more) => {
          while (more()) {
            for (let i = 0; i < count; i++) connection.publish(address, payload)
            await turn()
          }
        },
        ping: async (payload, again) => {
          do await connection.request(address, payload)
          while (again())
        },
      }
    },
  }
}
