import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { Plugin } from 'vite';

/** The English words of all parts, by the key of the part. */
const ALL = 'virtual:english';
/** Marks the copy of a module that has the English words alone. */
const COPY = '?english';

const source = join(import.meta.dirname, 'src');

/** The modules that declare texts. */
function declaring(): string[] {
  return readdirSync(source, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .map((name) => join(source, name))
    .filter((path) => /= defineTexts\(/u.test(readFileSync(path, 'utf8')));
}

interface Declaration {
  name: string;
  key: string;
  call: { start: number; end: number };
  english: { start: number; end: number };
}

/**
 * Takes the English words out of the scripts of the views. A built page loads them in one file when
 * English is chosen; most people never do. The words stay beside the Korean ones in the source,
 * where the compiler compares them.
 */
export function english(): Plugin {
  let isBuild = false;
  return {
    name: 'english',
    // After the types were removed.
    enforce: 'post',
    configResolved(config) {
      isBuild = config.command === 'build';
    },
    resolveId: (id) => (id === ALL ? `\0${ALL}` : undefined),
    load(id) {
      if (id === `\0${ALL}`) {
        const paths = isBuild ? declaring() : [];
        const lines = paths.map(
          (path, at) => `import { english as e${at} } from '${path}${COPY}';`,
        );
        const all = paths.map((_, at) => `...e${at}`).join(', ');
        return `${lines.join('\n')}\nexport default { ${all} };`;
      }
      return id.endsWith(COPY) ? readFileSync(id.slice(0, -COPY.length), 'utf8') : undefined;
    },
    transform(code, id) {
      const [path = ''] = id.split('?');
      if (!isBuild || !path.startsWith(source) || !/= defineTexts\(/u.test(code)) return;
      const found: Declaration[] = [];
      for (const statement of this.parse(code).body) {
        const it = statement.type === 'ExportNamedDeclaration' ? statement.declaration : statement;
        if (it?.type !== 'VariableDeclaration') continue;
        for (const { id: name, init } of it.declarations) {
          if (name.type !== 'Identifier' || init?.type !== 'CallExpression') continue;
          const [, words] = init.arguments;
          if (init.callee.type !== 'Identifier' || init.callee.name !== 'defineTexts') continue;
          if (!words) this.error(`${path}: defineTexts needs Korean and English words`);
          const key = `${relative(source, path)}#${name.name}`;
          found.push({ name: name.name, key, call: init, english: words });
        }
      }
      let out = code;
      for (const { key, call, english: words } of found.reverse()) {
        const text = code.slice(words.start, words.end);
        out = id.endsWith(COPY)
          ? out.slice(0, call.start) + text + out.slice(call.end)
          : `${out.slice(0, words.start)}${JSON.stringify(key)}${out.slice(words.end)}`;
      }
      if (id.endsWith(COPY)) {
        const all = found.map(({ name, key }) => `${JSON.stringify(key)}: ${name}`).join(', ');
        out += `\nexport const english = { ${all} };`;
      }
      return { code: out, map: null };
    },
  };
}
