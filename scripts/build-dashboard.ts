/**
 * Bundles the dashboard of the admin service, `packages/admin/dashboard`, into one page. The page is committed as a module,
 * so that the admin service runs from its sources and its users need no bundler. Also writes the licenses of the bundled
 * libraries.
 *
 *     pnpm build:dashboard
 */
import * as crypto from "node:crypto"
import * as fs from "node:fs"
import * as path from "node:path"
import { build } from "vite"

const root = path.join(import.meta.dirname, "..")
const admin = path.join(root, "packages/admin")
const dashboard = path.join(admin, "dashboard")

/** Files that {@link buildDashboard} makes. */
export const pageFile = path.join(admin, "src/internal/http/page.ts")
export const licensesFile = path.join(admin, "THIRD-PARTY.txt")

/** Libraries in the page. */
const libraries = ["eventsource-parser", "preact", "uplot"]

/** Modules of the admin service that the page may contain. It may not contain Effect, which is larger than the page. */
const shared = ["src/internal/printable.ts"]

/** Texts that would end or change the parsing of the elements that contain the program and the style. */
const unsafe = ["</script", "<script", "<!--", "</style"]

/** Comment that the bundler leaves in a style. */
const viteComment = /\/\*\$vite\$:\d+\*\//

/** Runs with the environment of a production build, because the bundler reads the variable, and a test runner sets it. */
const inProduction = async <A>(run: () => Promise<A>): Promise<A> => {
  const before = process.env["NODE_ENV"]
  process.env["NODE_ENV"] = "production"
  try {
    return await run()
  } finally {
    if (before === undefined) delete process.env["NODE_ENV"]
    else process.env["NODE_ENV"] = before
  }
}

const runBundler = () =>
  build({
    root: dashboard,
    configFile: false,
    envDir: false,
    publicDir: false,
    logLevel: "warn",
    define: { "process.env.NODE_ENV": '"production"' },
    oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
    build: {
      // Browsers of the last three years, because a dashboard should not need the newest one.
      target: "es2022",
      write: false,
      minify: true,
      lib: { entry: path.join(dashboard, "main.tsx"), formats: ["iife"], name: "dashboard", cssFileName: "style" },
      rolldownOptions: { cwd: dashboard, output: { comments: false } },
    },
  })

/** Bundles the program into one classic script, and the style into one text. */
const bundle = async (): Promise<{ readonly script: string; readonly style: string }> => {
  const result = await inProduction(runBundler)
  const outputs = (Array.isArray(result) ? result : [result]).flatMap((each) => ("output" in each ? each.output : []))
  let script = ""
  let style = ""
  for (const output of outputs) {
    if (output.type === "chunk") {
      if (script !== "") throw new Error("the dashboard must be bundled into one chunk")
      script = output.code.trim()
      checkModules(Object.keys(output.modules))
    } else {
      if (style !== "") throw new Error("the dashboard must have one style")
      style = String(output.source).replace(viteComment, "").trim()
    }
  }
  return { script, style }
}

const checkModules = (modules: ReadonlyArray<string>): void => {
  for (const module of modules) {
    const isShared = shared.some((each) => module === path.join(admin, each))
    const isLibrary = libraries.some((name) => module.includes(`/node_modules/${name}/`))
    if (!module.startsWith(dashboard) && !module.startsWith("\0") && !isShared && !isLibrary) {
      throw new Error(`the dashboard must not contain ${module}: import only its types`)
    }
  }
}

const hashOf = (text: string): string => `'sha256-${crypto.createHash("sha256").update(text).digest("base64")}'`

/** Writes a text as a template literal. */
const literal = (text: string): string => `\`${text.replaceAll(/[\\`]|\$\{/g, "\\$&")}\``

/** Returns the licenses of the libraries in the page. */
const licenses = (): string =>
  libraries
    .map((name) => {
      const folder = path.join(admin, "node_modules", name)
      const { version }: { readonly version: string } = JSON.parse(
        fs.readFileSync(path.join(folder, "package.json"), "utf8"),
      )
      return `${name} ${version}\n\n${fs.readFileSync(path.join(folder, "LICENSE"), "utf8").trim()}\n`
    })
    .join(`\n${"-".repeat(80)}\n\n`)

/** Returns the text of the module that contains the page, and of the licenses. The same sources give the same texts. */
export const buildDashboard = async (): Promise<{ readonly page: string; readonly licenses: string }> => {
  const { script, style } = await bundle()
  for (const text of unsafe) {
    if (`${script}${style}`.toLowerCase().includes(text)) {
      throw new Error(`the dashboard must not contain ${JSON.stringify(text)}`)
    }
  }
  const policy = [
    "default-src 'none'",
    `script-src ${hashOf(script)}`,
    `style-src ${hashOf(style)}`,
    "connect-src 'self'",
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
  ].join("; ")
  const html = [
    '<!doctype html><html lang="en"><head><meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width,initial-scale=1">',
    `<title>Coterie</title><link rel="icon" href="data:,"><style>${style}</style></head>`,
    `<body><div id="app"></div><script>${script}</script></body></html>`,
  ].join("")
  return {
    page: `/**
 * The dashboard, bundled from \`packages/admin/dashboard\`. Generated by \`pnpm build:dashboard\`: edit the modules there and
 * run it. THIRD-PARTY.txt has the licenses of the libraries in it.
 */

/** Policy for the page. It allows the script and the style of the page by their hashes, and requests to its own server. */
export const contentSecurityPolicy = ${literal(policy)}

export const html = ${literal(html)}
`,
    licenses: `The dashboard of @coterie/admin contains these libraries.\n\n${licenses()}`,
  }
}

if (import.meta.main) {
  const { licenses, page } = await buildDashboard()
  fs.writeFileSync(pageFile, page)
  fs.writeFileSync(licensesFile, licenses)
}
