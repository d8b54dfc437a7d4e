/**
 * The picture in a real browser, which `picture/chromium.ts` finds.
 */
import * as Trace from "@coterie/testkit/Trace"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { pathToFileURL } from "node:url"
import type { Browser, Page } from "playwright-core"
import { findChromium, isRequired, launch } from "./picture/chromium.ts"
import { sampleTrace } from "./sampleTrace.ts"

const found = findChromium()

describe("a Chromium", () => {
  it("exists if it is required", ({ skip }) => {
    if ("executable" in found) return
    if (isRequired) assert.fail(found.missing)
    const reason = `the picture is not tested in a browser: ${found.missing}`
    // Not every reporter shows the reason of a skipped test.
    console.warn(reason)
    skip(reason)
  })
})

describe.skipIf("missing" in found)("the picture", () => {
  let browser: Browser
  /** Page of all tests, because a page of its own for each test would start a process. Each test loads another file. */
  let page: Page
  let folder: string
  let files = 0

  beforeAll(async () => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), "coterie-picture-"))
    browser = await launch("executable" in found ? found.executable : "")
    page = await browser.newPage({ viewport: { width: 1280, height: 800 } })
  })
  afterAll(async () => {
    await browser.close()
    fs.rmSync(folder, { recursive: true })
  })

  /** Opens the page of a trace, and checks at the end that the page reported no error and loaded nothing. */
  const look = async (
    trace: Trace.Trace,
    options: Trace.PictureOptions,
    use: (page: Page) => Promise<void>,
    colorScheme: "light" | "dark" = "light",
  ): Promise<void> => {
    const file = path.join(folder, `${files++}.html`)
    fs.writeFileSync(file, Trace.toHtml(trace, options))
    await page.emulateMedia({ colorScheme })
    await page.mouse.move(0, 0)
    const complaints: Array<string> = []
    const requests: Array<string> = []
    page.on("console", (message) => complaints.push(message.text()))
    page.on("pageerror", (error) => complaints.push(String(error)))
    page.on("dialog", (dialog) => {
      complaints.push(dialog.message())
      void dialog.dismiss()
    })
    page.on("request", (request) => requests.push(request.url()))
    const url = pathToFileURL(file).href
    try {
      await page.goto(url)
      await use(page)
    } finally {
      await page.removeAllListeners(undefined, { behavior: "wait" })
    }
    assert.deepStrictEqual(complaints, [])
    assert.deepStrictEqual(requests, [url])
  }

  const textsOf = (page: Page, selector: string) => page.locator(selector).allTextContents()
  const count = (page: Page, selector: string) => page.locator(selector).count()
  const elements = (page: Page) => page.evaluate(() => document.querySelectorAll("*").length)
  /** Waits until the page has drawn its pending changes. */
  const drawn = (page: Page) =>
    page.evaluate(
      () =>
        new Promise<void>((resolve) => {
          requestAnimationFrame(() => requestAnimationFrame(() => resolve()))
        }),
    )
  const windowOf = async (page: Page) => (await page.locator("#map").getAttribute("aria-valuetext")) ?? ""
  const labelOf = (page: Page) => page.evaluate(() => document.activeElement?.getAttribute("aria-label") ?? "")

  const trace = sampleTrace()
  const indexOf = (wanted: (event: Trace.Event) => boolean): number => {
    const index = trace.events.findLastIndex(wanted)
    assert.isAtLeast(index, 0)
    return index
  }
  const target = (event: number): string => `.target[data-event="${event}"]`

  it("has a lane for each node, and arrows and marks for the events", () =>
    look(trace, {}, async (page) => {
      assert.deepStrictEqual(await textsOf(page, "text.lane"), ["a", "b", "c"])
      assert.isAbove(await count(page, ".message.arrived"), 3)
      assert.isAbove(await count(page, ".arrowhead"), 3)
      assert.isAbove(await count(page, ".cross"), 1)
      assert.isAbove(await count(page, ".cut.side0"), 0)
      assert.isAbove(await count(page, ".wall"), 0)
      assert.isAbove(await count(page, ".fold"), 0)
      assert.isAbove(await count(page, ".glyph.lost"), 0)
      assert.include((await textsOf(page, ".shade-text")).join(), "nothing passes between b and the others")
      assert.include((await textsOf(page, ".fold-text")).join(), "ms")
      assert.include((await textsOf(page, ".label")).join(), "Heartbeat { term: 3")
    }))

  it("shows crashes, pauses, slow nodes and clock changes in their lanes", () =>
    look(trace, {}, async (page) => {
      const seen = new Set<string>()
      const wanted = [
        "state crashed",
        "state paused",
        "shade slow",
        "clock",
        "glyph node crashed",
        "glyph connection vanished",
      ]
      await page.keyboard.press("Home")
      for (let step = 0; step < 40; step++) {
        await drawn(page)
        for (const style of wanted) {
          if ((await count(page, `.${style.replaceAll(" ", ".")}`)) > 0) seen.add(style)
        }
        await page.keyboard.press("PageDown")
      }
      assert.deepStrictEqual([...seen].sort(), wanted.sort())
    }))

  it("opens at the end, with the failure and the command to replay it", () => {
    const options = {
      title: "leases in a storm",
      failure: "two nodes hold the lease\nat step 12",
      replay: "coterie-sim replay lease.json",
      sentences: ["c crashes", "the first vote is lost"],
    }
    return look(trace, options, async (page) => {
      assert.strictEqual(await page.title(), "leases in a storm")
      assert.deepStrictEqual(await textsOf(page, "h1"), ["leases in a storm"])
      assert.deepStrictEqual(await textsOf(page, ".failure"), ["Failedtwo nodes hold the lease"])
      assert.deepStrictEqual(await textsOf(page, ".more"), ["at step 12"])
      assert.deepStrictEqual(await textsOf(page, ".replay code"), ["coterie-sim replay lease.json"])
      assert.deepStrictEqual(await textsOf(page, ".story li"), ["c crashes", "the first vote is lost"])
      const failed = indexOf(({ _tag }) => _tag === "Failed")
      assert.isTrue(await page.locator(target(failed)).isVisible())
      assert.match(await windowOf(page), / to 20\.000000 s$/)
    })
  })

  it("shows the failure of the trace, and no banner without one", async () => {
    await look(trace, {}, async (page) => {
      assert.include((await textsOf(page, ".failure")).join(), `"at most one holder" was violated`)
    })
    const healthy = { ...trace, events: trace.events.slice(0, -1) }
    await look(healthy, {}, async (page) => {
      assert.strictEqual(await count(page, ".report"), 0)
    })
  })

  it("shows a message while the pointer is at it", () =>
    look(trace, {}, async (page) => {
      const tip = page.locator("#tip")
      assert.isTrue(await tip.isHidden())
      const arrived = indexOf(({ _tag }) => _tag === "Arrived")
      await page.locator(target(arrived)).hover()
      assert.isTrue(await tip.isVisible())
      const text = (await tip.textContent()) ?? ""
      for (const part of ["a → c", "sent", "lost", "arrived", "after", "bytes", "Ack { term: 3, lease: 19 }"]) {
        assert.include(text, part)
      }
      assert.strictEqual(await count(page, ".message.hover"), 1)
      await page.locator("h1").hover()
      assert.isTrue(await tip.isHidden())
      assert.strictEqual(await count(page, ".message.hover"), 0)
    }))

  it("highlights the past of a clicked event and dims the rest until Escape", () =>
    look(trace, {}, async (page) => {
      const opacity = (event: number) =>
        page.locator(`.message[data-sent="${event}"]`).evaluate((node) => Number(getComputedStyle(node).opacity))
      const sent = indexOf((event) => event._tag === "Sent" && event.to === "b" && event.from === "c")
      const received = indexOf(({ _tag }) => _tag === "Arrived")
      const event = trace.events[received]
      const cause = indexOf((other) => other._tag === "Sent" && event?._tag === "Arrived" && other.id === event.id)
      assert.isAbove(await opacity(sent), 0.5)
      await page.locator(target(received)).click()
      assert.isBelow(await opacity(sent), 0.2)
      assert.strictEqual(await opacity(cause), 1)
      assert.strictEqual(await page.locator(target(received)).getAttribute("aria-pressed"), "true")
      assert.isAbove(await count(page, ".reach"), 1)
      const panel = (await page.locator("#selection").textContent()) ?? ""
      assert.match(panel, /\d+ events on 3 nodes could have influenced it/)
      assert.match(panel, /a sends to c: Ack/)
      assert.match((await page.locator("#status").textContent()) ?? "", /^Selected: c receives from a: Ack/)
      await page.keyboard.press("Escape")
      assert.isAbove(await opacity(sent), 0.5)
      assert.strictEqual(await count(page, ".reach"), 0)
      assert.notInclude((await page.locator("#selection").textContent()) ?? "", "influenced it.")
    }))

  it("shows the past of the failure", () =>
    look(trace, {}, async (page) => {
      await page.getByRole("button", { name: "Show causes" }).click()
      assert.match((await page.locator("#selection").textContent()) ?? "", /^SelectedClearfailed: /)
      await page.locator(".cause").last().click()
      assert.notStrictEqual(await labelOf(page), "")
      await page.getByRole("button", { name: "Clear" }).click()
      assert.strictEqual(await count(page, "#plot.cone"), 0)
    }))

  it("hides and shows a kind of message, and a group of marks", () =>
    look(trace, {}, async (page) => {
      const kind = page.locator(".toggle", { hasText: "Heartbeat" })
      assert.deepStrictEqual(await textsOf(page, ".toggle .name"), [
        "Heartbeat",
        "Ack",
        "Grant",
        "RequestVote",
        "Renew",
        "Vote",
        "other bytes",
        "faults",
        "notes",
        "logs",
        "connections",
      ])
      const labels = async () => (await textsOf(page, ".label")).filter((text) => text.startsWith("Heartbeat")).length
      assert.isAbove(await labels(), 0)
      await kind.click()
      await drawn(page)
      assert.strictEqual(await kind.getAttribute("aria-pressed"), "false")
      assert.strictEqual(await labels(), 0)
      assert.isAbove(await count(page, ".marks .glyph.note:not(.log)"), 0)
      await page.locator(".toggle", { hasText: "notes" }).click()
      await drawn(page)
      assert.strictEqual(await count(page, ".marks .glyph.note:not(.log)"), 0)
      await page.locator(".toggle", { hasText: "faults" }).click()
      await drawn(page)
      assert.strictEqual(await count(page, ".cut.side0:not(.key *), .wall:not(.key *)"), 0)
      await kind.click()
      await drawn(page)
      assert.isAbove(await labels(), 0)
    }))

  it("hides background traffic, also in the past of an event, until its switch is pressed", () => {
    const events = trace.events.map((event): Trace.Event =>
      event._tag === "Sent" && event.messages !== undefined
        ? { ...event, messages: event.messages.map((each) => ({ ...each, background: each.kind === "Heartbeat" })) }
        : event,
    )
    return look({ ...trace, events }, {}, async (page) => {
      const background = page.locator("#background")
      const heartbeats = async () =>
        (await textsOf(page, ".label")).filter((text) => text.startsWith("Heartbeat")).length
      const influences = async () => {
        const [, found] = /([\d,]+) events/.exec((await page.locator("#selection").textContent()) ?? "") ?? []
        return Number((found ?? "").replaceAll(",", ""))
      }
      assert.match((await background.textContent()) ?? "", /^background: Heartbeat\d/)
      assert.notInclude(await textsOf(page, ".toggle .name"), "Heartbeat")
      assert.strictEqual(await heartbeats(), 0)
      await page.getByRole("button", { name: "Show causes" }).click()
      const folded = await influences()
      const before = await windowOf(page)

      await background.click()
      await drawn(page)
      assert.strictEqual(await background.getAttribute("aria-pressed"), "true")
      assert.strictEqual(await page.evaluate(() => document.activeElement?.id), "background")
      assert.include(await textsOf(page, ".toggle .name"), "Heartbeat")
      assert.isAbove(await heartbeats(), 0)
      // The selection is kept, and now has a larger past.
      assert.isAbove(await influences(), folded)

      await page.keyboard.press("Enter")
      await drawn(page)
      assert.strictEqual(await background.getAttribute("aria-pressed"), "false")
      assert.strictEqual(await heartbeats(), 0)
      assert.strictEqual(await influences(), folded)
      assert.strictEqual(/ to .*$/.exec(await windowOf(page))?.[0], / to .*$/.exec(before)?.[0])
      assert.deepStrictEqual(await textsOf(page, "text.lane"), ["a", "b", "c"])
    })
  })

  it("lists notes and faults, and jumps to the one chosen by click or by keyboard", () =>
    look(trace, {}, async (page) => {
      const landmarks = page.locator(".landmark")
      const first = (await landmarks.first().textContent()) ?? ""
      await landmarks.first().click()
      assert.include(await labelOf(page), first.slice(first.search(/[a-z]/)))
      assert.match(await windowOf(page), /^from [0-9]\./)
      await landmarks.last().focus()
      await page.keyboard.press("Enter")
      assert.match(await labelOf(page), /^failed: /)
      assert.match(await windowOf(page), / to 20\.000000 s$/)
      // A jump zooms in if single events cannot be distinguished.
      for (let step = 0; step < 12; step++) await page.keyboard.press("-")
      await drawn(page)
      await landmarks.first().click()
      assert.include(await labelOf(page), first.slice(first.search(/[a-z]/)))
    }))

  it("moves in time with the slider, the wheel and the keyboard", () =>
    look(trace, {}, async (page) => {
      const map = page.getByRole("slider")
      const end = await windowOf(page)
      const box = await map.boundingBox()
      assert.isNotNull(box)
      await page.mouse.click((box?.x ?? 0) + 20, (box?.y ?? 0) + 40)
      await drawn(page)
      const early = await windowOf(page)
      assert.notStrictEqual(early, end)
      assert.match(early, /^from [0-3]\.\d+ s/)
      assert.isBelow(Number(await map.getAttribute("aria-valuenow")), 6)

      await page.mouse.move((box?.x ?? 0) - 300, (box?.y ?? 0) + 200)
      await page.mouse.wheel(0, 400)
      await drawn(page)
      const later = await windowOf(page)
      assert.notStrictEqual(later, early)
      await map.focus()
      await page.keyboard.press("ArrowUp")
      await drawn(page)
      assert.notStrictEqual(await windowOf(page), later)
      await page.keyboard.press("End")
      await drawn(page)
      assert.strictEqual(await windowOf(page), end)
      await page.keyboard.press("Home")
      await drawn(page)
      assert.match(await windowOf(page), /^from 0\.0/)
    }))

  it("scrolls by dragging, which selects nothing", () =>
    look(trace, {}, async (page) => {
      const before = await windowOf(page)
      const failed = indexOf(({ _tag }) => _tag === "Failed")
      const box = await page.locator(target(failed)).boundingBox()
      const x = (box?.x ?? 0) + (box?.width ?? 0) / 2
      const y = (box?.y ?? 0) + (box?.height ?? 0) / 2
      await page.mouse.move(x, y)
      await page.mouse.down()
      await page.mouse.move(x + 3, y + 3)
      await drawn(page)
      assert.strictEqual(await windowOf(page), before)
      await page.mouse.move(x, y + 200)
      await drawn(page)
      assert.notStrictEqual(await windowOf(page), before)
      assert.strictEqual(await count(page, "#stage.dragging"), 1)
      await page.mouse.up()
      assert.strictEqual(await count(page, "#stage.dragging"), 0)
      assert.strictEqual(await count(page, "#plot.cone"), 0)
      await page.keyboard.press("End")
      await drawn(page)
      await page.locator(target(failed)).click()
      assert.strictEqual(await count(page, "#plot.cone"), 1)
      await page.locator(target(failed)).click()
      assert.strictEqual(await count(page, "#plot.cone"), 0)
    }))

  it("zooms with the wheel around the pointer, and follows the pointer that drags the map", () =>
    look(trace, {}, async (page) => {
      const before = await windowOf(page)
      await page.mouse.move(500, 500)
      await page.keyboard.down("Control")
      await page.mouse.wheel(0, -300)
      await page.keyboard.up("Control")
      await drawn(page)
      assert.notStrictEqual(await windowOf(page), before)

      const box = await page.getByRole("slider").boundingBox()
      const x = (box?.x ?? 0) + 20
      await page.mouse.move(x, (box?.y ?? 0) + 40)
      await page.mouse.down()
      await page.mouse.move(x, (box?.y ?? 0) + 80)
      await drawn(page)
      const dragged = await windowOf(page)
      await page.mouse.up()
      await page.mouse.move(x, (box?.y ?? 0) + 200)
      await drawn(page)
      assert.match(dragged, /^from [0-9]\.\d+ s/)
      assert.strictEqual(await windowOf(page), dragged)
    }))

  it("zooms out to the whole trace and in to single events", () =>
    look(trace, {}, async (page) => {
      const seconds = async () => {
        const [from = 0, to = 0] = [...(await windowOf(page)).matchAll(/[\d.]+/g)].map(Number)
        return to - from
      }
      const before = await seconds()
      await page.keyboard.press("+")
      await drawn(page)
      assert.isBelow(await seconds(), before)
      for (let step = 0; step < 4; step++) await page.keyboard.press("-")
      await drawn(page)
      assert.isAbove(await seconds(), before)
      await page.getByRole("button", { name: "Show the whole trace" }).click()
      await drawn(page)
      assert.closeTo(await seconds(), 20, 0.1)
    }))

  it("moves from event to event by keyboard, and labels each event", () =>
    look(trace, {}, async (page) => {
      const failed = indexOf(({ _tag }) => _tag === "Failed")
      await page.locator(target(failed)).focus()
      assert.match(await labelOf(page), /^failed: "at most one holder" was violated/)
      await page.keyboard.press("ArrowUp")
      assert.match(await labelOf(page), /^c receives from a: Ack, after 73\.9 ms, at 19\.138878 s$/)
      assert.isTrue(await page.locator("#tip").isVisible())
      await page.keyboard.press("ArrowLeft")
      assert.match(await labelOf(page), /b/)
      await page.keyboard.press("ArrowLeft")
      assert.match(await labelOf(page), /^a /)
      await page.keyboard.press("Enter")
      assert.match((await page.locator("#selection").textContent()) ?? "", /^Selected/)
      assert.match(await labelOf(page), /^a /)
      for (let step = 0; step < 60; step++) await page.keyboard.press("ArrowUp")
      assert.match(await windowOf(page), /^from [0-5]\./)
      assert.strictEqual(await count(page, ".target[tabindex='0']"), 1)
    }))

  it("has the same content with other colours in the dark mode", async () => {
    const colours = async (page: Page) => [
      await page.evaluate(() => getComputedStyle(document.body).backgroundColor),
      await page.evaluate(() => getComputedStyle(document.querySelector(".message.k0") ?? document.body).stroke),
    ]
    const seen: Array<ReadonlyArray<string>> = []
    for (const scheme of ["light", "dark"] as const) {
      await look(trace, {}, async (page) => void seen.push(await colours(page)), scheme)
    }
    assert.strictEqual(seen[0]?.[0], "rgb(255, 255, 255)")
    assert.notStrictEqual(seen[0]?.[0], seen[1]?.[0])
    assert.notStrictEqual(seen[0]?.[1], seen[1]?.[1])
  })

  it("draws only the visible part of 20,000 events", () => {
    const nodes = ["a", "b", "c", "d", "e", "f", "g", "h"]
    const large = sampleTrace({ nodes, seconds: 740, limit: 20_000 })
    assert.strictEqual(large.events.length, 20_000)
    return look(large, {}, async (page) => {
      const most = 6_000
      assert.isBelow(await elements(page), most)
      assert.isTrue(await page.locator("#many").isHidden())
      await page.getByRole("button", { name: "Show the whole trace" }).click()
      await drawn(page)
      assert.isBelow(await elements(page), most)
      assert.isTrue(await page.locator("#many").isVisible())
      assert.isAbove(await count(page, ".message.many"), 3)
      for (let step = 0; step < 40 && (await page.locator("#many").isVisible()); step++) {
        await page.keyboard.press("+")
        await drawn(page)
        assert.isBelow(await elements(page), most)
      }
      assert.isTrue(await page.locator("#many").isHidden())
      assert.isAbove(await count(page, ".message.arrived"), 10)
      await page.keyboard.press("End")
      await page.getByRole("button", { name: "Show causes" }).click()
      assert.match((await page.locator("#selection").textContent()) ?? "", /events on 8 nodes could have influenced it/)
      assert.isBelow(await elements(page), most)
    })
  })

  it("draws thousands of events at one time", () => {
    const events = Array.from({ length: 5_000 }, (_, index): Trace.Event => {
      const node = index % 2 === 0 ? "a" : "b"
      return { _tag: "Note", at: 7, node, kind: "log", text: `line ${index}` }
    })
    return look({ ...trace, events }, {}, async (page) => {
      assert.isAbove(await count(page, ".target"), 20)
      assert.isBelow(await count(page, ".target"), 400)
      assert.include((await textsOf(page, ".say")).join(), "line 4999")
    })
  })

  it("scrolls if it has more lanes than fit", () => {
    const nodes = Array.from({ length: 40 }, (_, index) => `node-${index}`)
    return look(sampleTrace({ nodes, seconds: 4 }), {}, async (page) => {
      const more = page.locator("#rightward")
      assert.match((await more.textContent()) ?? "", /^\d+ more nodes →$/)
      assert.include(await textsOf(page, "text.lane"), "node-0")
      for (let step = 0; step < 6 && (await more.isVisible()); step++) {
        await more.click()
        await drawn(page)
      }
      assert.isTrue(await more.isHidden())
      assert.include(await textsOf(page, "text.lane"), "node-39")
      assert.notInclude(await textsOf(page, "text.lane"), "node-0")
      assert.match((await page.locator("#leftward").textContent()) ?? "", /^← \d+ more nodes$/)
    })
  })

  it("opens without any events", () =>
    look({ ...trace, events: [], nodes: [] }, {}, async (page) => {
      assert.strictEqual(await count(page, ".target"), 0)
      for (const key of ["ArrowUp", "+", "-", "End", "Escape"]) await page.keyboard.press(key)
      await drawn(page)
    }))

  it("shows hostile names and texts as text", () => {
    const evil = `</script><img src=x onerror="alert(1)"><script>alert(2)</script><!--`
    const hostile = { ...sampleTrace({ nodes: [evil, "b", `c"'&lt;`], words: evil }), scenario: evil }
    const options = { title: evil, failure: evil, replay: evil, sentences: [evil] }
    return look(hostile, options, async (page) => {
      assert.strictEqual(await page.title(), evil)
      assert.deepStrictEqual(await textsOf(page, "h1"), [evil])
      assert.deepStrictEqual(await textsOf(page, ".replay code"), [evil])
      assert.deepStrictEqual(await textsOf(page, ".story li"), [evil])
      assert.strictEqual((await textsOf(page, "text.lane"))[2], `c"'&lt;`)
      assert.match((await textsOf(page, "text.lane"))[0] ?? "", /^<\/script.*….*<!--$/)
      const failed = hostile.events.length - 1
      await page.locator(target(failed)).hover()
      assert.include((await page.locator("#tip").textContent()) ?? "", evil)
      await page.locator(target(failed)).click()
      assert.include((await page.locator("#selection").textContent()) ?? "", evil)
      for (const tag of ["img", "script:not([type])"]) {
        assert.strictEqual(await count(page, tag), tag === "img" ? 0 : 1)
      }
    })
  })
})
