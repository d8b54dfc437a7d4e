/** moleculer over its TCP transporter with its default serializer JSON, so that a message is a text. */
import { type Context, ServiceBroker, type ServiceSchema } from "moleculer"
import { countOf, type Driver, host, type Setup, turn } from "./Driver.ts"

/** Maximum number of events in transit. The promise of an event resolves when the event is written. */
const windowMessages = 256

/** Returns a text whose JSON is as long as the payload, apart from the quotes. */
const textOf = (payload: Uint8Array): string => "x".repeat(payload.length)

const peer = "peer"

export const make = ({ size }: Setup): Driver => {
  const start = async (nodeID: string, urls: ReadonlyArray<string>, service?: ServiceSchema) => {
    const broker = new ServiceBroker({
      nodeID,
      namespace: "bench",
      logger: false,
      transporter: {
        type: "TCP",
        // Room for the largest message and its envelope. The default is smaller.
        options: { udpDiscovery: false, urls: urls.join(","), useHostname: false, maxPacketSize: 4 * 1024 * 1024 },
      },
    })
    if (service !== undefined) broker.createService(service)
    await broker.start()
    return broker
  }

  const listen = async (service: ServiceSchema): Promise<string> => {
    const broker = await start("receiver", [], service)
    return `tcp://${host}:${broker.getLocalNodeInfo().port}/receiver`
  }

  // A full window of large messages would be more than the other systems have in transit.
  const count = Math.min(windowMessages, 1 + countOf(4 * 1024 * 1024, size))

  return {
    receive: async (take) => ({
      address: await listen({
        name: peer,
        events: { message: (context: Context<string>) => take(context.params) },
      }),
    }),
    echo: () =>
      listen({
        name: peer,
        actions: { echo: (context: Context<{ readonly text: string }>) => context.params },
      }),
    connect: async (address) => {
      const broker = await start("sender", [address])
      await broker.waitForServices(peer)
      return {
        pump: async (payload, more) => {
          const text = textOf(payload)
          while (more()) await Promise.all(Array.from({ length: count }, () => broker.emit("message", text)))
        },
        flood: async (payload, more) => {
          const text = textOf(payload)
          while (more()) {
            for (let i = 0; i < count; i++) void broker.emit("message", text)
            await turn()
          }
        },
        ping: async (payload, again) => {
          const text = textOf(payload)
          do await broker.call(`${peer}.echo`, { text })
          while (again())
        },
      }
    },
  }
}
