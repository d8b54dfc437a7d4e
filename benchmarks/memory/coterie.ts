/**
 * A node of Coterie over TCP, with peers that only complete the handshake and answer heartbeats. With the names that the
 * peers have, the node sends the Pings.
 */
import { once } from "node:events"
import * as Net from "node:net"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as References from "effect/References"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as Address from "../../packages/core/src/Address.ts"
import * as Cluster from "../../packages/core/src/Cluster.ts"
import type { Frame, Hello } from "../../packages/core/src/protocol/Frame.ts"
import { ViewTracker } from "../../packages/core/test/simulation/ViewTracker.ts"
import { FrameDecoder } from "../../packages/core/src/wire/FrameDecoder.ts"
import * as FrameEncoder from "../../packages/core/src/wire/FrameEncoder.ts"
import * as NodeTransport from "../../packages/node-transport/src/NodeTransport.ts"
import { host, type System } from "./System.ts"

const label = "memory"

/** Limits of the node. All peers have one host, so bounds for one host must allow all of them. */
const limits = { handshakes: 1_024, handshakesPerHost: 1_024 }

/** All peers connect from one host, one after the other, which the default allows 512 of them. */
const strangers = { connectionsBurst: 4_096 }

const listen: System["listen"] = () =>
  new Promise((resolve, reject) => {
    const views = new ViewTracker(() => 0)
    const node = Effect.gen(function* () {
      const context = yield* Layer.build(
        Cluster.layer({ cluster: label, name: "node", limits }).pipe(
          Layer.provide(NodeTransport.layerTcp({ host, port: 0, strangers })),
        ),
      )
      const cluster = Context.get(context, Cluster.Cluster)
      const { addresses } = yield* cluster.self
      resolve({ port: Number(addresses[0]?.split(":").at(-1)), links: () => views.live })
      const observe = views.observe("node")
      return yield* Stream.runForEach(cluster.events, (event) => Effect.sync(() => observe(event)))
    })
    Effect.runPromise(Effect.scoped(node).pipe(Effect.provideService(References.MinimumLogLevel, "Error"))).catch(
      reject,
    )
  })

const addressOf = (text: string): Address.Address => Result.getOrThrow(Address.parse(text))

const helloOf = (port: number, peer: number): Hello => ({
  _tag: "Hello",
  versionMin: 1,
  versionMax: 1,
  label,
  record: {
    name: `peer-${peer}`,
    generation: Date.now(),
    incarnation: 0,
    status: "alive",
    body: {
      // Nobody dials a peer that has a link.
      addresses: [addressOf(`${host}:1`)],
      metadata: {},
      versionMin: 1,
      versionMax: 1,
      features: [],
    },
  },
  instance: 0,
  linkEpoch: 1,
  dialedAddress: addressOf(`${host}:${port}`),
  viewHash: 0n,
  window: 1 << 20,
  linkTimeout: 3_000,
})

const connect: System["connect"] = async (port, peer) => {
  const socket = Net.connect({ host, port, noDelay: true })
  socket.on("error", () => {})
  await once(socket, "connect")
  const send = (frame: Frame) => void socket.write(FrameEncoder.encode(frame))
  const hello = helloOf(port, peer)
  const decoder = new FrameDecoder({ maxFrameBytes: 1 << 20 })
  await new Promise<void>((resolve, reject) => {
    const receive = (frame: Frame): void => {
      switch (frame._tag) {
        case "HelloAck":
          return send({ _tag: "Ready", incarnation: 0, viewHash: 0n })
        case "Ready":
          return resolve()
        case "Ping":
          // The peer has the view of the node, so that no differences have to be exchanged.
          return send({ ...frame, _tag: "Pong" })
        case "HelloReject":
          return reject(new Error(`the node refused a peer: ${frame.message}`))
        default:
      }
    }
    socket.on("data", (chunk) => {
      const frames: Array<Frame> = []
      decoder.feed(chunk, frames)
      frames.forEach(receive)
    })
    socket.on("close", () => reject(new Error("the node closed a connection")))
    send(hello)
  })
  return () => {
    send({ _tag: "Leave", generation: hello.record.generation })
    send({ _tag: "Bye", code: "left", message: "" })
    socket.end()
  }
}

export const system: System = { listen, connect }
