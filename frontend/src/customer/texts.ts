import { defineTexts } from '@/texts/texts';

export const customerTexts = defineTexts(
  {
    programmes: '사업 찾기',
    interests: '관심사업',
    consultations: '상담',
    notifications: '알림',
    me: '내 정보',
    signIn: '로그인',
  },
  {
    programmes: 'Programmes',
    interests: 'Interests',
    consultations: 'Consultations',
    notifications: 'News',
    me: 'About me',
    signIn: 'Sign in',
  },
);
