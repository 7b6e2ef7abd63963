declare module 'virtual:english' {
  /** The English words by the key of their part. Empty unless the page is built. */
  const words: Readonly<Record<string, unknown>>;
  export default words;
}
