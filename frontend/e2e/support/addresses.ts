import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Ids of records that the views of an area show, by the part of the address before them. */
export type Ids = Readonly<Record<string, string>>;

/**
 * The addresses of all views of an area, as its routes.ts lists them. A view that is added there is
 * looked at without more ado.
 *
 * @throws if an id is missing.
 */
export function addressesOf(area: 'customer' | 'salesman' | 'staff', ids: Ids): string[] {
  const file = fileURLToPath(new URL(`../../src/${area}/routes.ts`, import.meta.url));
  const paths = [...readFileSync(file, 'utf8').matchAll(/\bpath: '([^']*)'/g)];
  const [base = '', ...views] = paths.map(([, path = '']) => path);
  return views.map((view) => {
    const path = view.replace(/(\w+)\/:id/, (_, kind: string) => {
      const id = ids[kind];
      if (id === undefined) throw new Error(`no id for ${view}`);
      return `${kind}/${id}`;
    });
    return path === '' ? base : `${base}/${path}`;
  });
}
