import { assert, describe, it } from "@effect/vitest"
import { TimerHandle } from "../../src/kernel/TimerHandle.ts"

/** Makes a handle and a log of its timers. */
const make = () => {
  const log: Array<string> = []
  let started = 0
  const handle = new TimerHandle(() => {
    const number = ++started
    log.push(`start ${number}`)
    return {
      cancel: () => log.push(`cancel ${number}`),
      setRef: (counts) => log.push(`${counts ? "ref" : "unref"} ${number}`),
    }
  })
  return { handle, log }
}

describe("TimerHandle", () => {
  it("starts its timer, which is counted", () => {
    const { handle, log } = make()
    assert.isTrue(handle.hasRef())
    assert.deepStrictEqual(log, ["start 1"])
  })

  it("can be closed and disposed like a timer of Node", () => {
    const { handle, log } = make()
    assert.strictEqual(handle.close(), handle)
    handle[Symbol.dispose]()
    assert.deepStrictEqual(log, ["start 1", "cancel 1", "cancel 1"])
  })

  it("starts again with refresh, and is counted only if it was counted before", () => {
    const { handle, log } = make()
    assert.strictEqual(handle.unref(), handle)
    assert.isFalse(handle.hasRef())
    assert.strictEqual(handle.refresh(), handle)
    assert.deepStrictEqual(log, ["start 1", "unref 1", "cancel 1", "start 2", "unref 2"])
    assert.strictEqual(handle.ref(), handle)
    assert.isTrue(handle.hasRef())
    assert.strictEqual(log.at(-1), "ref 2")
  })

  it("passes the handle to its starter, so that an interval can refresh itself", () => {
    let self: TimerHandle | undefined
    const handle = new TimerHandle((given) => {
      self = given
      return { cancel: () => undefined, setRef: () => undefined }
    })
    assert.strictEqual(self, handle)
  })
})
