/** Client or server of one system. */
import { percentile } from "../harness/rounds.ts"
import { serve } from "../harness/serve.ts"
import type { Calls } from "./Calls.ts"
import { type Client, type Driver, text } from "./systems/Driver.ts"
import { systems } from "./systems/index.ts"

const make = (): Calls => {
  let driver: Driver | undefined
  let client: Client | undefined
  const current = (): Driver => {
    if (driver === undefined) throw new Error("no system is set up")
    return driver
  }
  return {
    setup: async (system) => {
      const module = await systems[system]?.load()
      if (module === undefined) throw new Error(`the system ${system} is unknown`)
      driver = module.make()
    },
    serve: () => current().serve(),
    connect: async (address) => {
      client = await current().connect(address)
    },
    request: async ({ atOnce }, millis) => {
      const samples: Array<number> = []
      let requests = 0
      const start = performance.now()
      let last = start
      await client?.run(atOnce, (response) => {
        if (response !== text) throw new Error("the response has another text")
        requests++
        const now = performance.now()
        if (atOnce === 1) samples.push((now - last) * 1_000)
        last = now
        return now - start < millis
      })
      const seconds = (performance.now() - start) / 1_000
      samples.sort((a, b) => a - b)
      const at = (part: number) => (atOnce === 1 ? percentile(samples, part) : null)
      return { requests, seconds, p50: at(0.5), p99: at(0.99) }
    },
    cpu: async () => {
      const { system, user } = process.cpuUsage()
      return system + user
    },
  }
}

serve(make())
