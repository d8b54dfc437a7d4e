/** Process of a measurement. It executes the calls of its parent one after the other, and ends with its parent. */
import { setTimeout as sleep } from "node:timers/promises"
import type { Driver, Hub, Receiver, Setup, Take } from "../systems/Driver.ts"
import { systems } from "../systems/index.ts"
import { percentile } from "../../harness/rounds.ts"
import { serve } from "../../harness/serve.ts"
import type { Calls, Latency } from "./Calls.ts"

/** Resident set, in bytes, at which a sender stops. It protects the machine. */
const memoryCap = 1e9

/** Number of bytes between two checks of the memory. A check takes as long as many messages. */
const bytesPerLook = 16 * 1024 * 1024

interface Count {
  messages: number
  bytes: number
  /** Last message. It is kept, because the engine need not make a message that is not used. */
  last: Parameters<Take>[0] | undefined
}

const newCount = (): Count => ({ messages: 0, bytes: 0, last: undefined })

const takeInto =
  (count: Count): Take =>
  (message) => {
    count.messages++
    count.bytes += message.length
    count.last = message
  }

const percentiles = (samples: Array<number>): Latency => {
  samples.sort((a, b) => a - b)
  return { p50: percentile(samples, 0.5), p99: percentile(samples, 0.99) }
}

/** Ends this process with an error. The parent notices the end. */
const die = (cause: unknown): never => {
  console.error(cause)
  process.exit(1)
}

const make = (): Calls => {
  let started: { readonly setup: Setup; readonly driver: Driver } | undefined
  let receiver: Receiver | undefined
  let hub: Hub | undefined
  const counts: Array<Count> = []

  const driver = (): Driver => started?.driver ?? die("no system is set up")
  const payload = (): Uint8Array => new Uint8Array(started?.setup.size ?? 0).fill(0x78)

  /** Makes a function that returns `true` while the memory is below the cap. */
  const whileThereIsMemory = (): (() => boolean) => {
    const perLook = Math.ceil(bytesPerLook / (started?.setup.size ?? 1))
    let left = perLook
    return () => {
      if (--left > 0) return true
      left = perLook
      return process.memoryUsage.rss() < memoryCap
    }
  }

  const newTake = (): Take => {
    const count = newCount()
    counts.push(count)
    return takeInto(count)
  }

  return {
    setup: async (setup) => {
      const module = await systems[setup.system]?.load()
      if (module === undefined) throw new Error(`the system ${setup.system} is unknown`)
      started = { setup, driver: module.make(setup) }
    },
    receive: async () => {
      receiver = await driver().receive(newTake())
      return receiver.address
    },
    echo: () => driver().echo(),
    hub: async () => {
      hub = await driver().hub?.()
      return hub?.address ?? die("the system has no hub")
    },
    join: async (address, count) => driver().join?.(address, Array.from({ length: count }, newTake)),
    send: async (address, pace) => {
      const sender = await driver().connect(address)
      const run = pace === "flood" ? (sender.flood ?? sender.pump) : sender.pump
      run(payload(), whileThereIsMemory()).catch(die)
    },
    broadcast: async () => {
      hub?.pump(payload(), whileThereIsMemory()).catch(die)
    },
    count: async (millis) => {
      const at = performance.now()
      const before = counts.map((count) => ({ ...count }))
      await sleep(millis)
      const seconds = (performance.now() - at) / 1_000
      const all = { messages: 0, bytes: 0 }
      let idle = 0
      for (const [i, { bytes, messages }] of counts.entries()) {
        const arrived = messages - (before[i]?.messages ?? 0)
        all.messages += arrived
        all.bytes += bytes - (before[i]?.bytes ?? 0)
        if (messages === 0) idle++
      }
      return { ...all, seconds, idle }
    },
    ping: async (address, warmUpMillis, millis) => {
      const sender = await driver().connect(address)
      const samples: Array<number> = []
      const warm = performance.now() + warmUpMillis
      const end = warm + millis
      let last = performance.now()
      await sender.ping(payload(), () => {
        const now = performance.now()
        if (now > warm) samples.push((now - last) * 1_000)
        last = now
        return now < end
      })
      return percentiles(samples)
    },
    pause: async () => receiver?.pause?.(),
    memory: async () => process.memoryUsage.rss(),
  }
}

serve(make())
