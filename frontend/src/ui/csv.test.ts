import { expect, it } from 'vitest';
import { toCsv } from './csv';

it('begins with a byte order mark and ends its lines with CRLF', () => {
  expect(toCsv(['사업', '건수'], [['수출바우처', 12]])).toBe(
    '\uFEFF사업,건수\r\n수출바우처,12\r\n',
  );
});

it('quotes what would break a line or a column', () => {
  expect(toCsv(['a'], [['x,y'], ['say "hi"'], ['two\nlines'], [null]])).toBe(
    '\uFEFFa\r\n"x,y"\r\n"say ""hi"""\r\n"two\nlines"\r\n\r\n',
  );
});

it('does not let a spreadsheet run a text', () => {
  expect(toCsv(['a'], [['=1+1'], ['@SUM'], [-3]])).toBe("\uFEFFa\r\n'=1+1\r\n'@SUM\r\n-3\r\n");
});
