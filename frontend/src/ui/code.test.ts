import { expect, it } from 'vitest';
import { codeDigits } from './code';

it.each([
  ['[KT.GG] 123456', '123456'],
  ['[KT.GG] 인증번호 123456 (3분 안에 적어 주세요)', '123456'],
  ['123 456', '123456'],
  ['1234567', '123456'],
  ['１２３４５６', '123456'],
  ['12', '12'],
  ['인증', ''],
])('the code of %s is %s', (pasted, code) => {
  expect(codeDigits(pasted)).toBe(code);
});
