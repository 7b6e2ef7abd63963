import type { Page } from '@playwright/test';
import { expect, messageIds, readCode } from '../story.ts';
import type { Person } from '../system.ts';
import { pointer, type Hands } from './hands.ts';

/** Signs a customer in on the page for it, which is open. */
export async function signInByCodeOnPage(
  page: Page,
  phone: string,
  hands: Hands = pointer,
): Promise<void> {
  const old = await messageIds(page.request, phone);
  await hands.type(page.getByLabel('휴대전화 번호'), phone);
  await hands.check(page.getByLabel('개인정보 수집·이용에 동의해요'));
  await hands.press(page.getByRole('button', { name: '인증번호 받기' }));
  const code = page.getByLabel('인증번호');
  await expect(code).toBeFocused();
  // The page sends it as soon as it is complete.
  await hands.type(code, await readCode(page.request, phone, old));
}

/** Signs a salesman, a consultant or staff in on the page for it, which is open. */
export async function signInByPasswordOnPage(
  page: Page,
  person: Person,
  hands: Hands = pointer,
): Promise<void> {
  await hands.type(page.getByLabel('아이디'), person.login);
  await hands.type(page.getByLabel('비밀번호', { exact: true }), person.password);
  await hands.press(page.getByRole('button', { name: '로그인' }));
}
