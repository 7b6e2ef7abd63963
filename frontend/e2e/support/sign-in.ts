import type { Page } from '@playwright/test';
import { expect, messageIds, readCode } from '../story.ts';
import type { Person } from '../system.ts';

/** Signs a customer in on the page for it, which is open. */
export async function signInByCodeOnPage(page: Page, phone: string): Promise<void> {
  const old = await messageIds(page.request, phone);
  await page.getByLabel('휴대전화 번호').fill(phone);
  await page.getByLabel('개인정보 수집·이용에 동의해요').check();
  await page.getByRole('button', { name: '인증번호 받기' }).click();
  const code = page.getByLabel('인증번호');
  await expect(code).toBeFocused();
  // The page sends it as soon as it is complete.
  await code.fill(await readCode(page.request, phone, old));
}

/** Signs a salesman, a consultant or staff in on the page for it, which is open. */
export async function signInByPasswordOnPage(page: Page, person: Person): Promise<void> {
  await page.getByLabel('아이디').fill(person.login);
  await page.getByLabel('비밀번호', { exact: true }).fill(person.password);
  await page.getByRole('button', { name: '로그인' }).click();
}
