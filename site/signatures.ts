/**
 * Texts of declarations for the reference of the API. A text stands as the source has it, because the source names its types, and the
 * compiler would print what they consist of.
 */
import ts from "typescript"

const flags = ts.TypeFormatFlags.NoTruncation | ts.TypeFormatFlags.UseAliasDefinedOutsideCurrentScope

/** Returns the text from one position of a file to another, without the white space at its end. */
const between = (node: ts.Node, end: number): string => node.getSourceFile().text.slice(node.getStart(), end).trimEnd()

const withoutExport = (text: string): string => text.replace(/^export (?:declare )?/, "")

const withoutComments = (text: string): string => text.replaceAll(/\n?[ \t]*\/\*\*(?:(?!\*\/)[^])*\*\//g, "")

/** Removes the indentation of the line of a declaration from the lines after it. */
const outdent = (text: string, node: ts.Node): string => {
  const source = node.getSourceFile().text
  const line = source.slice(source.lastIndexOf("\n", node.getStart()) + 1)
  const [indentation = ""] = /^ */.exec(line) ?? []
  return text.replaceAll(`\n${indentation}`, "\n")
}

/** Returns a parameter without its default, which makes it optional. */
const parameterText = ({ dotDotDotToken, initializer, name, questionToken, type }: ts.ParameterDeclaration): string => {
  const mark = initializer !== undefined || questionToken !== undefined ? "?" : ""
  return `${dotDotDotToken === undefined ? "" : "..."}${name.getText()}${mark}: ${type?.getText() ?? "unknown"}`
}

/** Characters of code that a page shows without scrolling. A longer signature has each parameter on a line. */
const maxWidth = 74

/** Returns the type of a function expression: `(options: Options) => Layer<A>`. */
const functionType = (node: ts.ArrowFunction | ts.FunctionExpression, before: string): string | undefined => {
  if (node.type === undefined) return undefined
  const types = node.typeParameters?.map((parameter) => parameter.getText()).join(", ")
  const head = types === undefined ? "" : `<${types}>`
  const parameters = node.parameters.map(parameterText)
  const text = `${head}(${parameters.join(", ")}) => ${node.type.getText()}`
  if (before.length + text.length <= maxWidth || parameters.length === 0) return text
  return `${head}(\n${parameters.map((parameter) => `  ${parameter},\n`).join("")}) => ${node.type.getText()}`
}

/** Longest type that the compiler may make up for a constant. Of a longer one the source says more. */
const maxInferredType = 160

const variableText = (node: ts.VariableDeclaration, checker: ts.TypeChecker): string => {
  const { initializer, type } = node
  const name = `const ${node.name.getText()}`
  if (type !== undefined) return `${name}: ${type.getText()}`
  const isFunction =
    initializer !== undefined && (ts.isArrowFunction(initializer) || ts.isFunctionExpression(initializer))
  const declared = isFunction ? functionType(initializer, `${name}: `) : undefined
  const text = declared ?? checker.typeToString(checker.getTypeAtLocation(node), node, flags)
  if (declared !== undefined || isFunction || initializer === undefined || text.length <= maxInferredType)
    return `${name}: ${text}`
  return `${name} = ${initializer.getText()}`
}

/** Returns whether an interface has nothing with a name, such as one that only can be called. */
const isFunctionType = ({ members }: ts.InterfaceDeclaration): boolean =>
  members.length > 0 && members.every(({ name }) => name === undefined)

/** Returns the text of one declaration, or `undefined` where it is no part of what a user sees. */
const declarationText = (node: ts.Declaration, checker: ts.TypeChecker): string | undefined => {
  if (ts.isFunctionDeclaration(node)) return withoutExport(between(node, node.body?.getStart() ?? node.end))
  if (ts.isVariableDeclaration(node)) return variableText(node, checker)
  if (ts.isInterfaceDeclaration(node) && isFunctionType(node)) return withoutExport(node.getText())
  if (ts.isInterfaceDeclaration(node) || ts.isClassDeclaration(node)) {
    const head = node.heritageClauses?.end ?? node.typeParameters?.end ?? node.name?.end ?? node.end
    const text = between(node, head)
    return withoutExport(withoutComments(text.endsWith(">") || node.typeParameters === undefined ? text : `${text}>`))
  }
  if (ts.isGetAccessorDeclaration(node)) return `readonly ${node.name.getText()}: ${node.type?.getText() ?? "unknown"}`
  if (ts.isPropertyDeclaration(node)) {
    return node.type === undefined ? undefined : between(node, node.type.end).replace(/\boverride /, "")
  }
  if (ts.isPropertySignature(node) || ts.isMethodSignature(node)) return node.getText()
  if (ts.isMethodDeclaration(node)) return between(node, node.body?.getStart() ?? node.end)
  return ts.isTypeAliasDeclaration(node) ? withoutExport(node.getText()) : undefined
}

const isImplementation = (node: ts.Declaration, all: ReadonlyArray<ts.Declaration>): boolean =>
  ts.isFunctionDeclaration(node) && node.body !== undefined && all.filter(ts.isFunctionDeclaration).length > 1

/** Returns the text of a symbol, with all overloads; of its declarations those that are wanted. */
export const signatureOf = (
  symbol: ts.Symbol,
  checker: ts.TypeChecker,
  isWanted: (node: ts.Declaration) => boolean = () => true,
): string => {
  const all = symbol.declarations ?? []
  const texts = all
    .filter((node) => isWanted(node) && !isImplementation(node, all))
    .map((node) => {
      const text = declarationText(node, checker)
      return text === undefined ? undefined : outdent(text, node)
    })
    .filter((text) => text !== undefined)
  if (texts.length > 0) return texts.join("\n")
  const [node] = all
  const type = node === undefined ? checker.getTypeOfSymbol(symbol) : checker.getTypeOfSymbolAtLocation(symbol, node)
  return `readonly ${symbol.name}: ${checker.typeToString(type, node, flags)}`
}
