/**
 * Writes the reference of the API from the docstrings of the published modules: a page of Markdown for each module, into site/api.
 */
import * as fs from "node:fs"
import * as path from "node:path"
import { Application, ReflectionKind, type TypeDocOptions } from "typedoc"
import type { PluginOptions } from "typedoc-plugin-markdown"
import { finishPage, indexPage } from "./apiPage.ts"
import { ApiTheme, keepSignatures } from "./apiTheme.ts"
import { apiFolder, publishedModules, root } from "./links.ts"

const out = path.join(root, apiFolder)

const options: TypeDocOptions & Partial<PluginOptions> = {
  entryPoints: publishedModules().flatMap(({ folder, modules }) =>
    modules.map((module) => path.join(root, "packages", folder, "src", `${module}.ts`)),
  ),
  tsconfig: path.join(root, "site/tsconfig.api.json"),
  // The compiler of the repository checks the types. TypeDoc needs an older one, which is written in JavaScript.
  skipErrorChecking: true,
  plugin: ["typedoc-plugin-markdown"],
  router: "module",
  theme: "coterie",
  out,
  readme: "none",
  logLevel: "Warn",
  excludeInternal: true,
  excludeExternals: true,
  excludePrivate: true,
  excludeTags: ["@since"],
  categorizeByGroup: false,
  // The input that a user writes comes before the result.
  categoryOrder: ["constructors", "layers", "running", "testing", "services", "*"],
  sort: ["source-order"],
  disableSources: true,
  hideBreadcrumbs: true,
  hidePageHeader: true,
  parametersFormat: "none",
}

const app = await Application.bootstrapWithPlugins(options)
app.renderer.defineTheme("coterie", ApiTheme)
keepSignatures(app)
const project = await app.convert()
if (project === undefined) throw new Error("TypeDoc read no module")
app.validate(project)
// The name is the place of the page: `core/Cluster` for packages/core/src/Cluster.ts.
for (const module of project.getChildrenByKind(ReflectionKind.Module)) module.name = module.name.replace("/src/", "/")
fs.rmSync(out, { recursive: true, force: true })
await app.generateOutputs(project)

for (const { folder, modules } of publishedModules()) {
  for (const module of modules) {
    const file = path.join(out, folder, `${module}.md`)
    const source = fs.readFileSync(path.join(root, "packages", folder, "src", `${module}.ts`), "utf8")
    fs.writeFileSync(file, finishPage(fs.readFileSync(file, "utf8"), { folder, module, source }))
  }
}
fs.rmSync(path.join(out, "README.md"))
fs.writeFileSync(path.join(out, "index.md"), indexPage(publishedModules()))

// A link of a docstring that leads nowhere is a warning.
if (app.logger.hasWarnings() || app.logger.hasErrors()) process.exitCode = 1
