/** One end of a link, of the revision in whose working tree this file lies. It ends with its parent. */
import { setTimeout as sleep } from "node:timers/promises"
import { serve } from "../harness/serve.ts"
import { percentile } from "../harness/rounds.ts"
import { tcp } from "../harness/transports.ts"
import { makeOver, messagesPerEffect } from "../messages/systems/coterie.ts"
import type { Driver, Sender } from "../messages/systems/Driver.ts"
import type { Calls, Setup } from "./Calls.ts"
import * as Usage from "./usage.ts"

/** Pause between two looks at the number of arrived messages, in milliseconds. */
const lookMillis = 2

const driverOf = (setup: Setup): Driver => makeOver(setup, tcp())

interface Connected {
  readonly sender: Sender
  readonly payload: Uint8Array
  /** Number of messages of one effect of the sender. */
  readonly atOnce: number
}

const make = (): Calls => {
  let connected: Connected | undefined
  let received = 0
  // The last message is kept, because the engine need not make a message that is not used.
  let last: { readonly length: number } | undefined
  const current = (): Connected => {
    if (connected === undefined) throw new Error("the process has no link")
    return connected
  }
  return {
    receive: async (setup) => {
      const { address } = await driverOf(setup).receive((message) => {
        received++
        last = message
      })
      return address
    },
    echo: (setup) => driverOf(setup).echo(),
    connect: async (setup, address) => {
      const sender = await driverOf(setup).connect(address)
      connected = { sender, payload: new Uint8Array(setup.size).fill(0x78), atOnce: messagesPerEffect(setup) }
    },
    pump: async (millis) => {
      const { atOnce, payload, sender } = current()
      const end = performance.now() + millis
      let effects = 0
      await sender.pump(payload, () => {
        if (performance.now() >= end) return false
        effects++
        return true
      })
      return effects * atOnce
    },
    arrived: async ({ messages }) => {
      while (received < messages) await sleep(lookMillis)
      if (received > messages || last === undefined) throw new Error(`${received} messages instead of ${messages}`)
    },
    ping: async (millis) => {
      const { payload, sender } = current()
      const samples: Array<number> = []
      let before = performance.now()
      const end = before + millis
      await sender.ping(payload, () => {
        const now = performance.now()
        samples.push((now - before) * 1_000)
        before = now
        return now < end
      })
      samples.sort((a, b) => a - b)
      return { trips: samples.length, p10: percentile(samples, 0.1), p50: percentile(samples, 0.5) }
    },
    usage: async () => Usage.read(),
  }
}

serve(make())
