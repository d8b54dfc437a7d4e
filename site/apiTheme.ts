/** Theme of the reference of the API: how a member of a module is printed. */
import {
  type Application,
  type Comment,
  type Context,
  Converter,
  type DeclarationReflection,
  makeRecursiveVisitor,
  ReferenceReflection,
  type Reflection,
  ReflectionKind,
} from "typedoc"
import { type MarkdownPageEvent, MarkdownTheme, MarkdownThemeContext } from "typedoc-plugin-markdown"
import ts from "typescript"
import { signatureOf } from "./signatures.ts"

/** Signatures of the members, kept when TypeDoc reads the sources. */
const signatures = new WeakMap<Reflection, string>()

const isTypeDeclaration = (node: ts.Declaration): boolean =>
  ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node)

/** A name may be a type and a value, and TypeDoc makes a member of each. */
const isDeclarationOf =
  (kind: ReflectionKind) =>
  (node: ts.Declaration): boolean => {
    if (kind === ReflectionKind.Interface || kind === ReflectionKind.TypeAlias) return isTypeDeclaration(node)
    return kind === ReflectionKind.Variable || kind === ReflectionKind.Function ? !isTypeDeclaration(node) : true
  }

/** Keeps the signatures of what TypeDoc reads. */
export const keepSignatures = (app: Application): void => {
  app.converter.on(Converter.EVENT_CREATE_DECLARATION, (context: Context, reflection: DeclarationReflection) => {
    const symbol = context.getSymbolFromReflection(reflection)
    if (symbol === undefined || reflection.kindOf(ReflectionKind.Module)) return
    signatures.set(reflection, signatureOf(symbol, context.checker, isDeclarationOf(reflection.kind)))
  })
}

const commentOf = (model: DeclarationReflection): Comment | undefined =>
  model.comment ??
  model.signatures?.find(({ comment }) => comment !== undefined)?.comment ??
  model.getSignature?.comment

/** Returns the fields and methods that a member has in the sources of the published modules. */
const childrenOf = (model: DeclarationReflection): ReadonlyArray<DeclarationReflection> => {
  const type = model.type?.type === "reflection" ? model.type.declaration : undefined
  const children = model.children ?? (model.kindOf(ReflectionKind.TypeAlias) ? type?.children : undefined) ?? []
  return children.filter(
    (child) =>
      !child.kindOf(ReflectionKind.Constructor) &&
      child.inheritedFrom?.reflection === undefined &&
      // Every error has a stack.
      child.name !== "stack",
  )
}

/** Returns the members of published modules that the types of a member name. */
const referencesOf = (model: DeclarationReflection): ReadonlySet<Reflection> => {
  const found = new Set<Reflection>()
  const visitor = makeRecursiveVisitor({
    reference: ({ reflection }) => {
      if (reflection?.parent?.kindOf(ReflectionKind.Module) === true && reflection !== model) found.add(reflection)
    },
  })
  for (const { parameters, type, typeParameters } of model.signatures ?? []) {
    for (const parameter of [...(parameters ?? []), ...(typeParameters ?? [])]) parameter.type?.visit(visitor)
    type?.visit(visitor)
  }
  for (const type of [...(model.extendedTypes ?? []), model.getSignature?.type, model.type]) type?.visit(visitor)
  return found
}

class ApiContext extends MarkdownThemeContext {
  constructor(theme: MarkdownTheme, page: MarkdownPageEvent<Reflection>) {
    super(theme, page, theme.application.options)
    this.partials.memberContainer = (model, { headingLevel }) => this.printMember(model, headingLevel)
  }

  private printMember(model: DeclarationReflection, level: number): string {
    const parts = [this.title(model, level)]
    if (model instanceof ReferenceReflection) {
      parts.push(`The same as ${this.linkTo(model.getTargetReflectionDeep())}.`)
      return parts.join("\n\n")
    }
    parts.push(`\`\`\`ts\n${signatures.get(model) ?? model.name}\n\`\`\``)
    const comment = commentOf(model)
    if (comment !== undefined) parts.push(this.partials.comment(comment, { headingLevel: level + 1 }))
    const references = [...referencesOf(model)]
    if (references.length > 0) parts.push(`Types: ${references.map((reference) => this.linkTo(reference)).join(", ")}.`)
    for (const child of childrenOf(model)) parts.push(this.printMember(child, level + 1))
    return parts.join("\n\n")
  }

  /** Members have the name of their module in front, as users write them. */
  private title(model: DeclarationReflection, level: number): string {
    const module = this.page.model.name.split("/").at(-1) ?? ""
    const isQualified = model.parent === this.page.model && /^[A-Z]/.test(module)
    const anchor = this.router.hasUrl(model) ? ` {#${this.router.getAnchor(model) ?? ""}}` : ""
    return `${"#".repeat(level)} ${isQualified ? `${module}.` : ""}${model.name}${anchor}`
  }

  private linkTo(reflection: Reflection): string {
    return `[\`${reflection.name}\`](${this.urlTo(reflection)})`
  }
}

export class ApiTheme extends MarkdownTheme {
  override getRenderContext(page: MarkdownPageEvent<Reflection>): MarkdownThemeContext {
    return new ApiContext(this, page)
  }
}
