K10-chat-www.example.com

plain text
