/** A text in paragraphs: an empty line, or a line break before an item, parts them. */
export function paragraphsOf(text: string | null | undefined): string[] {
  return (text ?? '')
    .split(/\r?\n+/u)
    .map((line) => line.trim())
    .filter((line) => line !== '');
}
