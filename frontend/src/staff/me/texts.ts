import { defineTexts } from '@/texts/texts';

export const meTexts = defineTexts(
  {
    password: '비밀번호 바꾸기',
    sessions: '로그아웃',
    sessionsText: '다른 사람과 함께 쓰는 컴퓨터라면 일을 마치고 로그아웃해 주세요.',
    signOut: '로그아웃',
    everywhere: '모든 기기에서 로그아웃',
  },
  {
    password: 'Change password',
    sessions: 'Sign out',
    sessionsText: 'On a computer that you share, sign out when you are done.',
    signOut: 'Sign out',
    everywhere: 'Sign out on all devices',
  },
);
