import { assert, describe, it } from "@effect/vitest"
import { TimerHandle } from "../../src/kernel/TimerHandle.ts"

/** A handle, and what happens to the timers behind it. */
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
  it("starts its timer, which counts", () => {
    const { handle, log } = make()
    assert.isTrue(handle.hasRef())
    assert.deepStrictEqual(log, ["start 1"])
  })

  it("can be closed and disposed as those of Node", () => {
    const { handle, log } = make()
    assert.strictEqual(handle.close(), handle)
    handle[Symbol.dispose]()
    assert.deepStrictEqual(log, ["start 1", "cancel 1", "cancel 1"])
  })

  it("starts again with refresh, and still counts only if it did", () => {
    const { handle, log } = make()
    assert.strictEqual(handle.unref(), handle)
    assert.isFalse(handle.hasRef())
    assert.strictEqual(handle.refresh(), handle)
    assert.deepStrictEqual(log, ["start 1", "unref 1", "cancel 1", "start 2", "unref 2"])
    assert.strictEqual(handle.ref(), handle)
    assert.isTrue(handle.hasRef())
    assert.strictEqual(log.at(-1), "ref 2")
  })

  it("gives its starter the handle, so that an interval can refresh itself", () => {
    let self: TimerHandle | undefined
    const handle = new TimerHandle((given) => {
      self = given
      return { cancel: () => undefined, setRef: () => undefined }
    })
    assert.strictEqual(self, handle)
  })
})
