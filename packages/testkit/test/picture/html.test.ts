import * as Trace from "@coterie/testkit/Trace"
import { assert, describe, it } from "@effect/vitest"
import { sampleTrace } from "../sampleTrace.ts"

/** Text with all delimiters that must be escaped. */
const hostile = `</script><!-- <script> "quotes" \\ \u2028\u2029\n{ "_tag": 1 }`

describe("the page", () => {
  const embedded = (html: string): string => {
    const [, rest = ""] = html.split(`<script type="application/json" id="data">`)
    return rest.slice(0, rest.indexOf("</script>"))
  }
  const dataOf = (html: string): unknown => JSON.parse(embedded(html))

  it("has the trace and its description as data", () => {
    const trace = sampleTrace()
    const options = { title: "t", failure: "f", replay: "r", sentences: ["s"] }
    assert.deepStrictEqual(dataOf(Trace.toHtml(trace, options)), { trace, options })
  })

  it("is valid for any content of the trace", () => {
    const trace = { ...sampleTrace({ nodes: [hostile, "b", "c"], words: hostile }), scenario: hostile }
    const html = Trace.toHtml(trace, { failure: hostile, replay: hostile, sentences: [hostile] })
    assert.deepStrictEqual(dataOf(html), {
      trace,
      options: { failure: hostile, replay: hostile, sentences: [hostile] },
    })
    const plain = Trace.toHtml({ ...trace, nodes: [], events: [], scenario: "plain" })
    for (const markup of ["<script", "</script", "<!--"]) {
      assert.strictEqual(html.split(markup).length, plain.split(markup).length, markup)
    }
    assert.notMatch(embedded(html), /[<\u2028\u2029]/)
  })

  it("loads nothing", () => {
    const html = Trace.toHtml(sampleTrace())
    assert.include(
      html,
      `content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; base-uri 'none'`,
    )
    assert.notMatch(html.replaceAll("http://www.w3.org/2000/svg", ""), /https?:|\bsrc=|\bhref=|@import|url\((?!#)/)
  })
})
