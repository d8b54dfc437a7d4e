import { describe, expect, it } from "vitest"
import { Silence } from "../../src/link/Silence.ts"

const host = { effectiveLinkTimeout: () => 3_000 }

describe("the silence of a peer", () => {
  it("begins with its last bytes while the link is in use", () => {
    const silence = new Silence(100, 1_000, 1_500, host)
    expect(silence.duration(350)).toBe(250)
    silence.heard(300)
    silence.pinged(320)
    expect(silence.duration(350)).toBe(50)
  })

  it("begins on an idle link an interval before the first Ping that has no answer, and not before the last bytes", () => {
    const silence = new Silence(0, 1_000, 1_500, host)
    silence.heard(100)
    silence.idle(90)
    expect(silence.begin()).toBe(Number.POSITIVE_INFINITY)
    expect(silence.duration(20_000)).toBe(0)
    silence.pinged(20_000)
    silence.pinged(21_000)
    expect(silence.duration(22_000)).toBe(3_000)
    silence.heard(22_500)
    expect(silence.duration(40_000)).toBe(0)
    silence.pinged(23_000)
    expect(silence.duration(24_000)).toBe(1_500)
  })

  it("continues when the link becomes idle before a Ping is answered", () => {
    const silence = new Silence(0, 1_000, 1_500, host)
    silence.heard(100)
    silence.idle(200)
    expect(silence.duration(1_100)).toBe(1_000)
  })

  it("begins on a link that is used again an interval before the use, or before an earlier Ping without an answer", () => {
    const [heard, pinged] = [new Silence(0, 1_000, 1_500, host), new Silence(0, 1_000, 1_500, host)]
    for (const silence of [heard, pinged]) {
      silence.heard(100)
      silence.idle(50)
    }
    pinged.pinged(19_000)
    heard.use(20_000)
    pinged.use(20_000)
    expect(heard.duration(20_500)).toBe(1_500)
    expect(pinged.duration(20_500)).toBe(2_500)
    heard.heard(20_600)
    expect(heard.duration(20_700)).toBe(100)
  })

  it("ends the link after the tolerance at the time of the first Ping without an answer, if the link was idle", () => {
    let tolerance = 3_000
    const silence = new Silence(0, 1_000, 1_500, { effectiveLinkTimeout: () => tolerance })
    tolerance = 4_000
    expect(silence.end()).toBe(4_000)
    silence.idle(0)
    expect(silence.end()).toBe(Number.POSITIVE_INFINITY)
    silence.pinged(20_000)
    tolerance = 9_000
    silence.pinged(21_000)
    silence.use(21_500)
    expect(silence.end()).toBe(23_000)
    silence.excuse(500, 22_000)
    expect(silence.end()).toBe(23_500)
    silence.heard(22_000)
    expect(silence.end()).toBe(31_000)
  })

  it("ends the link of a node that stops a second later, and not before half of the link timeout", () => {
    const silence = new Silence(0, 1_000, 1_500, host)
    silence.part(200)
    silence.part(700)
    expect(silence.end()).toBe(1_500)
    silence.excuse(50, 700)
    expect(silence.end()).toBe(1_550)
    silence.heard(800)
    expect(silence.end()).toBe(2_300)
    const idle = new Silence(0, 1_000, 1_500, host)
    idle.idle(0)
    idle.part(20_000)
    expect(idle.end()).toBe(21_000)
  })

  it("excludes a stall of this process, up to the current time", () => {
    const [used, idle] = [new Silence(0, 1_000, 1_500, host), new Silence(0, 1_000, 1_500, host)]
    idle.idle(0)
    idle.pinged(100)
    for (const silence of [used, idle]) silence.excuse(2_000, 2_500)
    expect(used.duration(2_500)).toBe(500)
    expect(idle.duration(2_500)).toBe(500)
    used.excuse(9_000, 3_000)
    expect(used.duration(3_000)).toBe(0)
  })
})
